'use strict';

const { randomBytes } = require('node:crypto');
const { mkdir, readFile, rename, writeFile } = require('node:fs/promises');
const path = require('node:path');

const written = async (file) => {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if (error.code === 'ENOENT') {
      return '';
    }
    throw error;
  }
};

/**
 * Read a secret from its file, or make one and write it there for its owner alone to read.
 *
 * @param {string} variable The environment variable that names the file, for the message.
 * @param {string} file The file's path.
 * @param {() => string} make Makes the secret; by default the key of an API token, as Strapi makes it.
 * @returns {Promise<string>} The secret.
 */
const keyIn = async (variable, file, make = () => randomBytes(64).toString('hex')) => {
  try {
    const found = await written(file);
    if (found !== '') {
      return found;
    }
    const key = make();
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    // By another name first: a reader sees no key or the whole of it.
    const draft = `${file}.${process.pid}`;
    await writeFile(draft, `${key}\n`, { mode: 0o600, flag: 'wx' });
    await rename(draft, file);
    return key;
  } catch (error) {
    throw new Error(`${variable} names ${file}, which can't be read or made: ${error.message}`, { cause: error });
  }
};

module.exports = { keyIn };
