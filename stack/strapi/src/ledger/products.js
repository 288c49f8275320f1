'use strict';

const { LARGEST_STOCK } = require('./batch');

/**
 * The numeric id that a reference may be, or null. `0012` is a barcode: an id has no leading zero.
 *
 * @param {string} reference How a movement names its product.
 * @returns {number | null}
 */
const numericId = (reference) => {
  if (!/^[1-9]\d{0,9}$/.test(reference)) {
    return null;
  }
  const id = Number(reference);
  return id <= LARGEST_STOCK ? id : null;
};

/**
 * The products of a batch, found by what a movement calls them.
 *
 * The rows come in the order of their ids, so of two products with one barcode the older one is meant.
 */
class Products {
  /** @param {{id: number, document_id: string, name: string | null, barcode: string | null}[]} rows By rising id. */
  constructor(rows) {
    this.byId = new Map();
    this.byDocumentId = new Map();
    this.byBarcode = new Map();
    for (const row of rows) {
      this.byId.set(row.id, row);
      if (!this.byDocumentId.has(row.document_id)) {
        this.byDocumentId.set(row.document_id, row);
      }
      if (row.barcode !== null && !this.byBarcode.has(row.barcode)) {
        this.byBarcode.set(row.barcode, row);
      }
    }
  }

  /** Find a product by its numeric id, else its documentId, else its barcode. */
  named(reference) {
    return (
      this.byId.get(numericId(reference)) ?? this.byDocumentId.get(reference) ?? this.byBarcode.get(reference) ?? null
    );
  }

  /** Find a product by the numeric id of its row. */
  withId(id) {
    return this.byId.get(id) ?? null;
  }
}

module.exports = { Products, numericId };
