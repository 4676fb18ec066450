// Includes and imports point one way:
//   demo -> js -> (messages; types of web/protocol.ts) -> web/worker -> web/engine -> bindings
//   bindings -> engine -> { answer -> prompt, tools -> { grammar, model }, grammar -> tokenizer, model -> kernels, model -> weights } -> status
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { listTree, rootDir } from '../run/files.ts';

/** Area of src -> areas that it may include, besides itself. "base" is the headers that stand directly in src. */
const mayInclude: Record<string, string[]> = {
  base: [],
  kernels: ['base'],
  tokenizer: ['base'],
  weights: ['kernels', 'base'],
  model: ['kernels', 'weights', 'base'],
  prompt: ['tokenizer', 'base'],
  grammar: ['prompt', 'tokenizer', 'base'],
  answer: ['grammar', 'prompt', 'tokenizer', 'base'],
  tools: ['grammar', 'prompt', 'tokenizer', 'model', 'weights', 'kernels', 'base'],
  engine: ['answer', 'tools', 'grammar', 'prompt', 'tokenizer', 'model', 'weights', 'kernels', 'base'],
};

/** Folder -> folders and files that its modules may import, besides its own. */
const mayImport: Record<string, string[]> = {
  demo: ['js/', 'web/engine.ts', 'dist/', 'model/'],  // js/ alone, once it has the package's API
  js: ['web/protocol.ts', 'web/errors.ts', 'dist/thimble.san.json'],
  web: ['dist/'],
};

/** The two that bring their runtime along. */
const alsoImport: Record<string, string[]> = {
  'js/inline.ts': ['web/inline.ts', 'web/embedded_host.ts'],
  'js/node.ts': ['web/inline.ts', 'web/node_host.ts'],
};

function areaOf(file: string): string {
  if (file.includes('/')) return file.slice(0, file.indexOf('/'));
  return /^engine\./.test(file) ? 'engine' : 'base';
}

function sources(dir: string, pattern: RegExp): [name: string, text: string][] {
  return listTree(join(rootDir, dir)).filter((name) => pattern.test(name))
    .map((name) => [name, readFileSync(join(rootDir, dir, name), 'utf8')]);
}

const core = sources('src', /\.(cc|h)$/);
const matches = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map((match) => match[1]!);

test('the core includes in one direction only', () => {
  assert.ok(core.length > 0);
  const wrong: string[] = [];
  for (const [name, text] of core) {
    const allowed = mayInclude[areaOf(name)];
    if (!allowed) wrong.push(`src/${name}: the area ${areaOf(name)} has no rule in this test`);
    for (const included of matches(text, /^\s*#\s*include "([^"]+)"/gm)) {
      const area = areaOf(included);
      if (area !== areaOf(name) && !allowed?.includes(area)) wrong.push(`src/${name} includes ${included}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test('the core has no Emscripten headers, exceptions, files or clocks', () => {
  const forbidden = /^\s*#\s*include <(emscripten\S*|fstream|iostream|filesystem|cstdio|stdio\.h|chrono|ctime|time\.h|exception|stdexcept)>|^\s*throw\b|\bcatch \(/m;
  assert.deepEqual(core.filter(([, text]) => forbidden.test(text)).map(([name]) => name), []);
});

test('only kernels use the SIMD header, and only web talks to Emscripten', () => {
  const simd = core.filter(([name, text]) => text.includes('<wasm_simd128.h>') && areaOf(name) !== 'kernels');
  assert.deepEqual(simd.map(([name]) => name), []);
});

test('TypeScript imports in one direction only', () => {
  const wrong: string[] = [];
  for (const [dir, allowed] of Object.entries(mayImport)) {
    for (const [name, text] of sources(dir, /\.ts$/)) {
      const rule = [`${dir}/`, ...allowed, ...(alsoImport[`${dir}/${name}`] ?? [])];
      for (const target of matches(text, /\b(?:from|import)\s*\(?\s*['"](\.[^'"]+)['"]/g)) {
        const path = normalize(join(dir, dirname(name), target));
        if (!rule.some((prefix) => path.startsWith(prefix))) wrong.push(`${dir}/${name} imports ${path}`);
      }
    }
  }
  assert.deepEqual(wrong, []);
});
