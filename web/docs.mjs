/** Lays the library that shows the API (Apache-2.0) beside its page in the build; the page of calls never loads it. */
import { copyFile } from 'node:fs/promises';

const from = new URL('node_modules/swagger-ui-dist/', import.meta.url);
const to = new URL('dist/docs/', import.meta.url);
const files = ['swagger-ui.css', 'swagger-ui-bundle.js', 'swagger-ui-bundle.js.LICENSE.txt', 'LICENSE', 'NOTICE'];
for (const file of files) await copyFile(new URL(file, from), new URL(file, to));
