// As a frontend: Strapi's official client with the read-only token; prints id, name and stock of each product.
import { strapi } from "@strapi/client";

const [, , baseURL, auth] = process.argv;
const client = strapi({ baseURL, auth });
const found = await client.collection("products").find({ sort: "createdAt:desc", pagination: { page: 1, pageSize: 100 } });
for (const { id, name, stock_available: stock } of found.data) {
  console.log(JSON.stringify({ id, name, stock }));
}
