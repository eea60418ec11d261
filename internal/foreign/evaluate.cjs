// Evaluates the configuration file named on the command line and prints what
// it exports as JSON between two marks. What JSON cannot hold is named.
'use strict';
const mark = '\x01velos\x01';
const file = process.argv[process.argv.length - 1];
const { pathToFileURL } = require('node:url');
process.argv = [process.argv[0], file];

// What the file prints must not get between the marks.
const out = process.stdout.write.bind(process.stdout);
process.stdout.write = process.stderr.write.bind(process.stderr);

function answer(data) {
  out(mark + JSON.stringify(data) + mark, () => process.exit(0));
}

function plain(value, above) {
  switch (typeof value) {
    case 'function':
    case 'symbol':
      return { '\u0001odd': 'a ' + typeof value };
    case 'bigint':
      return String(value);
    case 'number':
      return Number.isFinite(value) ? value : { '\u0001odd': String(value) };
    case 'object':
      break;
    default:
      return value;
  }
  if (value === null) return value;
  if (value instanceof RegExp) return { '\u0001odd': 'the expression ' + value };
  if (value instanceof Date) return value.toISOString();
  if (above.includes(value)) throw new TypeError('a value contains itself');
  above = above.concat([value]);
  if (Array.isArray(value)) return value.map((item) => (item === undefined ? null : plain(item, above)));
  const copy = Object.create(null);
  for (const key of Object.keys(value)) copy[key] = plain(value[key], above);
  return copy;
}

async function load() {
  if (!file.endsWith('.mjs')) {
    try {
      return require(file);
    } catch (e) {
      if (!e || (e.code !== 'ERR_REQUIRE_ESM' && e.code !== 'ERR_REQUIRE_ASYNC_MODULE')) throw e;
    }
  }
  return import(pathToFileURL(file).href);
}

(async () => {
  let value = await load();
  if (value && typeof value === 'object' && value[Symbol.toStringTag] === 'Module') value = value.default ?? { ...value };
  else if (value && value.__esModule && value.default) value = value.default;
  if (typeof value === 'function') value = value();
  answer({ value: plain(await value, []) });
})().catch((e) => {
  const own = e && typeof e === 'object';
  answer({ error: { name: own ? String(e.name) : '', message: String(own ? e.message : e), code: own ? String(e.code) : '', stack: own ? String(e.stack) : '' } });
});
