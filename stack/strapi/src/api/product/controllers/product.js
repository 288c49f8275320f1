'use strict';

const { createCoreController } = require('@strapi/strapi').factories;

const PRODUCT = 'api::product.product';

/**
 * Let `status` stand for `statuss` in a body, as the course's programs of before Strapi 5 have it. Where both stand there,
 * the new name counts; an empty one is none.
 */
const withNewName = (strapi, body) => {
  const data = body?.data;
  if (typeof data !== 'object' || data === null || !Object.hasOwn(data, 'status')) {
    return body;
  }
  if (strapi.contentType(PRODUCT).attributes.status) {
    return body;
  }
  const { status, ...others } = data;
  return { ...body, data: { statuss: status === '' ? null : status, ...others } };
};

module.exports = createCoreController(PRODUCT, ({ strapi }) => ({
  /** POST /api/products */
  create(ctx) {
    ctx.request.body = withNewName(strapi, ctx.request.body);
    return super.create(ctx);
  },

  /** PUT /api/products/:documentId */
  update(ctx) {
    ctx.request.body = withNewName(strapi, ctx.request.body);
    return super.update(ctx);
  },
}));
