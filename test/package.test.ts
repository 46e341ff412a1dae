import { readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'

const manifest = JSON.parse(readFileSync('package.json', 'utf8'))

/** Imports as the compiler and the bundler write them, static ones and dynamic ones with a constant name. */
const IMPORTED = [
  /^(?:import|export) (?:[^'"\n]* from )?['"]([^'".\n][^'"\n]*)['"]/gm,
  /(?:\bimport\(|\b__require\(|\)\.resolve\()['"]([\w@][\w@/.:-]*)['"]\)/g,
]
/** The bundles' packages look for these and do without. */
const OPTIONAL = ['pg-native', 'cloudflare:sockets', 'msgpackr-extract', '@valkey/valkey-glide']

test('the package imports nothing but its dependencies and Node', () => {
  const imported = new Map<string, string>()
  for (const file of readdirSync('dist', { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.js')))
    for (const pattern of IMPORTED)
      for (const [, specifier = ''] of readFileSync(join('dist', file), 'utf8').matchAll(pattern))
        imported.set(packageOf(specifier), file)
  expect(imported.size).toBeGreaterThan(10)
  const allowed = new Set([...Object.keys(manifest.dependencies), ...builtinModules, ...OPTIONAL])
  expect([...imported].filter(([name]) => !allowed.has(name) && !name.startsWith('node:'))).toEqual([])
})

/** Parts taken from a module that is imported late, as the bundler writes it: `const { a, b: c } = await import("./x.js")`. */
const TAKEN = /\{([^{}]*)\} = await import\("(\.[^"]+)"\)/g
/** `(await import("./x.js")).a` */
const TAKEN_ONE = /\(await import\("(\.[^"]+)"\)\)\.(\w+)/g
const EXPORTS = /^export \{([^{}]*)\};?$/gm

test('what the bundled programs import late has the parts that they take: a CommonJS package has only `default`', () => {
  const missing: string[] = []
  let taken = 0
  for (const name of readdirSync('dist', { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.js'))) {
    const file = join('dist', name)
    const text = readFileSync(file, 'utf8')
    const all = [
      ...[...text.matchAll(TAKEN)].map(([, names = '', from = '']) => ({ from, parts: listed(names, /\s*:.*/) })),
      ...[...text.matchAll(TAKEN_ONE)].map(([, from = '', part = '']) => ({ from, parts: [part] })),
    ]
    for (const { from, parts } of all) {
      const module = readFileSync(join(dirname(file), from), 'utf8')
      const exported = [...module.matchAll(EXPORTS)].flatMap(([, names = '']) => listed(names, /.* as /))
      if (/^export default /m.test(module)) exported.push('default')
      missing.push(
        ...parts.filter(part => !exported.includes(part)).map(part => `${part} of ${from}, which ${file} takes`),
      )
      taken += parts.length
    }
  }
  expect(taken).toBeGreaterThan(50)
  expect(missing).toEqual([])
})

const listed = (names: string, without: RegExp): string[] =>
  names.split(',').flatMap(name => name.replace(without, '').trim() || [])

function packageOf(specifier: string): string {
  if (specifier.startsWith('node:')) return specifier
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}
