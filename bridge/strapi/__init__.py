"""The Strapi side: products, the ledger route, and plain REST for a Strapi without it."""
