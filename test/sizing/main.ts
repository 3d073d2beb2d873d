/** `npm run sizing`: the tables of docs/scale.md, worked out again. */
import { tables } from './sizing.js';

for (const [name, table] of Object.entries(tables())) process.stdout.write(`## ${name}\n\n${table}\n\n`);
