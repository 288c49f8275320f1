"""Access to Strapi: products, the ledger's batch route, and plain REST for a Strapi without the ledger."""
