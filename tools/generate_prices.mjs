#!/usr/bin/env node
// Makes src/account/prices_data.inc, the built-in price catalogue, from the npm package @pydantic/genai-prices (MIT).
//
//   node tools/generate_prices.mjs            fetch (once, into build/genai-prices), check, write
//   node tools/generate_prices.mjs --check    the same, but only say whether the file is current
//
// The file is committed, so that building the gateway needs neither node nor a network. To take a newer package: change VERSION and
// INTEGRITY (npm view @pydantic/genai-prices@VERSION dist.integrity), run, look at the diff, run the account tests.
//
// Format of the data, one item a line, fields separated by tabs (src/account/catalogue.cpp reads it):
//   P  provider  fallback,providers
//   M  id  context window or -  flags (d: deprecated)  alternatives
//   R  when  key=base[,start:price...] ...        rates of the model above, in the order they are tried from last to first
// Alternatives are joined by '|', the conditions of one by '&'. A condition is a sign and a lower-case text:
//   = is   ^ begins with   $ ends with   ~ contains   # is, where each '#' in the text is one digit   % the same, as a beginning
//   ! does not contain the text followed by '-' or the end
// `when`: - always, dYYYY-MM-DD from that day, tHH:MM:SS-HH:MM:SS at that time of day (UTC).
// Prices are decimal USD in the unit of the key's suffix, rounded to 12 significant digits and nine decimals.
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const PACKAGE = '@pydantic/genai-prices';
const VERSION = '0.1.8';
const INTEGRITY = 'sha512-h7CYw6qTyflG2zUndO8tXyL8Xopf+tX9JZu13h0ZFgeyYj+J2gm1edR4+R+mbQ2vPdkFjtTmmmu1cYQPM5/KTA==';
// The package exports no list of its providers, only a look-up by id.
const PROVIDERS = `anthropic arcee avian aws azure baseten cerebras cloudflare cohere cursor deepseek doubleword fireworks github-copilot
google groq huggingface_cerebras huggingface_fireworks-ai huggingface_groq huggingface_hyperbolic huggingface_nebius huggingface_novita
huggingface_nscale huggingface_ovhcloud huggingface_publicai huggingface_sambanova huggingface_together minimax mistral modal moonshotai
novita openai openrouter ovhcloud perplexity quicksilverpro together typesafe voyageai x-ai zai zhipuai`.split(/\s+/);

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const target = join(root, 'src/account/prices_data.inc');

function fetchPackage() {
    const folder = join(root, 'build/genai-prices');
    const tarball = join(folder, `genai-prices-${VERSION}.tgz`);
    mkdirSync(folder, { recursive: true });
    if (!existsSync(tarball)) {
        const [{ filename }] = JSON.parse(execFileSync('npm', ['pack', '--json', `${PACKAGE}@${VERSION}`], { cwd: folder, encoding: 'utf8' }));
        if (join(folder, filename) !== tarball) renameSync(join(folder, filename), tarball);
    }
    const digest = 'sha512-' + createHash('sha512').update(readFileSync(tarball)).digest('base64');
    if (digest !== INTEGRITY) throw new Error(`${tarball} has the digest ${digest}, expected ${INTEGRITY}; remove it and look where it came from`);
    rmSync(join(folder, 'package'), { recursive: true, force: true });
    execFileSync('tar', ['xzf', tarball, '-C', folder]);
    return pathToFileURL(join(folder, 'package/dist/index.js')).href;
}

function decimal(number) {
    if (typeof number !== 'number' || !Number.isFinite(number) || number < 0) throw new Error(`not a price: ${number}`);
    const text = Number(number.toPrecision(12)).toFixed(9);
    return text.includes('.') ? text.replace(/0+$/, '').replace(/\.$/, '') : text;
}

function regexCondition(source) {
    if (source === '^(?!.*-[tT][tT][sS](?:$|-))') return '!-tts';
    const whole = source.endsWith('$');
    const text = source
        .replace(/^\^/, '').replace(/\$$/, '')
        .replace(/\\d(?:\{(\d+)\})?/g, (_, count) => '#'.repeat(Number(count ?? 1)))
        .replace(/\\([.[\]\-])/g, '$1');
    if (!source.startsWith('^') || /[\\()*+?{}|^$]/.test(text)) throw new Error(`regular expression ${source} has no condition; add one`);
    return (whole ? '#' : '%') + text.toLowerCase();
}

const SIGNS = { equals: '=', starts_with: '^', ends_with: '$', contains: '~' };

/** Alternatives, each a list of conditions. */
function alternatives(match) {
    const [[kind, value]] = Object.entries(match);
    if (kind === 'or') return value.flatMap(alternatives);
    if (kind === 'and') {
        return value.map(alternatives).reduce((all, next) => all.flatMap((a) => next.map((b) => [...a, ...b])), [[]]);
    }
    if (kind === 'regex') return [[regexCondition(value)]];
    if (!(kind in SIGNS)) throw new Error(`match kind ${kind} is not known`);
    if (/[\t\n|&#]/.test(value)) throw new Error(`the name ${JSON.stringify(value)} holds a separator`);
    return [[SIGNS[kind] + value.toLowerCase()]];
}

function when(constraint) {
    if (!constraint) return '-';
    if (constraint.start_date) return 'd' + constraint.start_date;
    return `t${constraint.start_time.replace('Z', '')}-${constraint.end_time.replace('Z', '')}`;
}

function price(value) {
    if (typeof value === 'number') return decimal(value);
    return [decimal(value.base), ...value.tiers.map((tier) => `${tier.start}:${decimal(tier.price)}`)].join(',');
}

function modelLines(model) {
    const rows = Array.isArray(model.prices) ? model.prices : [{ prices: model.prices }];
    const names = alternatives(model.match).map((conditions) => conditions.join('&'));
    return [
        ['M', model.id, model.context_window ?? '-', model.deprecated ? 'd' : '-', [...new Set(names)].join('|')].join('\t'),
        ...rows.map((row) => ['R', when(row.constraint), Object.entries(row.prices).map(([key, value]) => `${key}=${price(value)}`).join(' ')].join('\t')),
    ];
}

/** String literals that compilers take: pieces of at most 8 KB. */
function literals(lines) {
    const pieces = [];
    for (const line of lines) {
        if (!pieces.length || pieces.at(-1).length + line.length > 8000) pieces.push('');
        pieces[pieces.length - 1] += line + '\n';
    }
    return pieces.map((piece) => `R"prices(${piece})prices"`).join('\n');
}

const { findProvider } = await import(fetchPackage());
const lines = [];
let models = 0;
for (const id of PROVIDERS) {
    const provider = findProvider({ providerId: id });
    if (!provider) throw new Error(`the package has no provider ${id} any more`);
    lines.push(['P', id, (provider.fallback_model_providers ?? []).join(',')].join('\t'));
    for (const model of provider.models) lines.push(...modelLines(model));
    models += provider.models.length;
}
if (models < 1000) throw new Error(`only ${models} models: the package has changed its shape`);
const text = `// Made by tools/generate_prices.mjs from ${PACKAGE} ${VERSION} (MIT, Copyright Pydantic Services Inc.): ${models} models. Do not edit.
static constexpr std::string_view prices_version = "genai-prices ${VERSION}";
static constexpr std::string_view prices_data =
${literals(lines)};
`;
if (process.argv.includes('--check')) {
    const current = existsSync(target) && readFileSync(target, 'utf8') === text;
    console.log(current ? 'prices_data.inc is current' : 'prices_data.inc differs: run tools/generate_prices.mjs');
    process.exit(current ? 0 : 1);
}
writeFileSync(target, text);
console.log(`${target}: ${models} models`);
