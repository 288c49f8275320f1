'use strict';

const { LARGEST_STOCK } = require('./batch');
const { asOne, spread } = require('./versions');

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

  /** The product of a recorded movement. */
  ofEntry(entry) {
    return this.byId.get(entry.product_id) ?? this.byDocumentId.get(entry.product_document_id) ?? null;
  }

  /** Which rows change by what, at the batch's time and after it. */
  rowChanges(changes) {
    return { now: changes, later: new Map() };
  }
}

/** The same where a product may have several rows, all of which have one stock. */
class Versions extends Products {
  /**
   * @param {object[]} rows All rows of the products, by rising id.
   * @param {Map<number, string>} ids The documentIds behind numeric ids of rows that are, or were, theirs.
   */
  constructor(rows, ids) {
    super([]);
    const documents = new Map();
    for (const row of rows) {
      documents.set(row.document_id, [...(documents.get(row.document_id) ?? []), row]);
    }
    for (const [document, versions] of documents) {
      const product = asOne(versions);
      this.byDocumentId.set(document, product);
      for (const row of versions) {
        this.byId.set(row.id, product);
        if (row.barcode !== null && !this.byBarcode.has(row.barcode)) {
          this.byBarcode.set(row.barcode, product);
        }
      }
    }
    for (const [id, document] of ids) {
      if (!this.byId.has(id) && this.byDocumentId.has(document)) {
        this.byId.set(id, this.byDocumentId.get(document));
      }
    }
  }

  rowChanges(changes) {
    return spread(changes, (id) => this.byId.get(id));
  }
}

module.exports = { Products, Versions, numericId };
