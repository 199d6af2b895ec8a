// Makes the file that the collector serves from tidings.js: `npm ci && node build.mjs`, or `--check` to compare only.
// The same source and the locked esbuild give the same bytes on every machine.
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { transform } from 'esbuild';

const MOST_GZIPPED_BYTES = 5120;
const here = name => fileURLToPath(new URL(name, import.meta.url));
const target = here('../../src/tidings/collect/static/tidings.js');

const { version } = JSON.parse(await readFile(here('package.json'), 'utf8'));
const source = await readFile(here('tidings.js'), 'utf8');
const { code } = await transform(source, {
  minify: true,
  target: 'es2017',
  charset: 'ascii',
  legalComments: 'none',
  define: { VERSION: JSON.stringify(version) },
  banner: `/* tidings.js ${version}, Apache-2.0 */`,
});

const gzipped = gzipSync(code, { level: 9 }).length;
if (gzipped > MOST_GZIPPED_BYTES) fail(`${gzipped} bytes gzipped, wanted at most ${MOST_GZIPPED_BYTES}`);
if (process.argv.includes('--check')) {
  const built = await readFile(target, 'utf8').catch(() => '');
  if (built !== code) fail(`${target} is not what tidings.js builds to; run node build.mjs`);
} else {
  await writeFile(target, code);
}
console.log(`${target}: ${code.length} bytes, ${gzipped} gzipped`);

function fail(message) {
  console.error(message);
  process.exit(1);
}
