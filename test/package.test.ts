import { readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { join } from 'node:path'
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

function packageOf(specifier: string): string {
  if (specifier.startsWith('node:')) return specifier
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}
