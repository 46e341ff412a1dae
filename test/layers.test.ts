import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { expect, test } from 'vitest'

/**
 * The layers of src, the lowest first: a file imports from its own layer and from those that its line names, which all stand
 * above that line. A file directly in src is a layer of its own. Type imports count.
 */
const LAYERS: Record<string, readonly string[]> = {
  'default-home': [],
  'make-folder': [],
  'package-root': [],
  version: ['package-root'],
  domain: [],
  'demo-scenes': [],
  locks: ['domain'],
  net: ['domain'],
  storage: ['domain', 'make-folder'],
  images: ['domain', 'package-root'],
  db: ['domain', 'locks', 'make-folder', 'package-root', 'version'],
  limits: ['domain', 'db'],
  queue: ['domain', 'db'],
  tracing: ['domain', 'version'],
  models: ['domain', 'demo-scenes', 'net', 'locks', 'make-folder', 'package-root'],
  analysis: ['domain', 'models'],
  search: ['domain', 'images'],
  indexing: ['domain', 'search'],
  producers: ['domain', 'images'],
  imports: ['domain', 'producers'],
  evaluation: ['domain', 'analysis', 'search', 'producers'],
  demo: ['domain', 'demo-scenes', 'make-folder'],
  exports: ['analysis', 'domain', 'demo-scenes', 'locks', 'make-folder', 'version'],
  workers: ['domain', 'net', 'images', 'make-folder', 'package-root'],
  metrics: ['domain', 'version', 'workers'],
  http: ['domain', 'images', 'metrics', 'package-root', 'producers', 'search', 'version', 'workers'],
  mcp: ['domain', 'http', 'version'],
  settings: ['default-home', 'domain', 'models', 'queue'],
  config: ['domain', 'settings'],
  compose: [
    ...['package-root', 'version', 'domain', 'net', 'storage', 'images', 'db', 'limits', 'queue', 'models', 'workers'],
    'config',
    'make-folder',
    'tracing',
  ],
  cli: [
    ...[
      'default-home',
      'version',
      'domain',
      'demo',
      'demo-scenes',
      'exports',
      'images',
      'models',
      'analysis',
      'search',
      'indexing',
      'producers',
      'imports',
      'evaluation',
      'workers',
      'metrics',
      'http',
      'mcp',
    ],
    ...['config', 'compose', 'make-folder'],
  ],
}

const MOST_FILES_IN_A_FOLDER = 18

const IMPORT = /(?:from|import)\s*\(?\s*['"](\.[^'"]+)['"]/g

const layerOf = (file: string): string =>
  relative('src', file)
    .split('/')[0]!
    .replace(/\.[jt]s$/, '')

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
}

test('Imports of src point to the layers that are allowed, which all stand lower', () => {
  const names = Object.keys(LAYERS)
  for (const [index, [layer, allowed]] of Object.entries(LAYERS).entries())
    for (const lower of allowed) expect(names.indexOf(lower), `${layer} may import ${lower}`).toBeLessThan(index)

  const forbidden: string[] = []
  for (const file of filesBelow('src').filter(name => name.endsWith('.ts'))) {
    const own = layerOf(file)
    expect(names, `the layer of ${file}`).toContain(own)
    for (const [, specifier] of readFileSync(file, 'utf8').matchAll(IMPORT)) {
      const target = layerOf(join(dirname(file), specifier!))
      if (target !== own && !LAYERS[own]!.includes(target)) forbidden.push(`${file} imports ${specifier}`)
    }
  }
  expect(forbidden).toEqual([])
})

test('Signals are combined by the function that takes them apart again', () => {
  // On Node 20 AbortSignal.any stays on its sources for as long as they live.
  const leaking = filesBelow('src').filter(file => /\bAbortSignal\.any\(/.test(readFileSync(file, 'utf8')))
  expect(leaking).toEqual([])
})

test('No folder holds more files than one can take in', () => {
  const counts = new Map<string, number>()
  for (const file of ['src', 'web', 'test', 'bench', 'tools', 'assembly', 'migrations', 'infra', 'docs'].flatMap(
    filesBelow,
  ))
    counts.set(dirname(file), (counts.get(dirname(file)) ?? 0) + 1)
  // Migrations are only ever added.
  counts.delete('migrations')
  expect([...counts].filter(([, count]) => count > MOST_FILES_IN_A_FOLDER)).toEqual([])
})

/** Of values, at the start of a file: those that loading the file loads too. */
const STATIC_IMPORT = /^(?:import\s+|(?:import|export)(?! type)\b[^'(;=]*?\bfrom\s+)'([^']+)'$/gm

test('The command line starts without the packages that only some commands need', () => {
  const packages = new Map<string, string>()
  const seen = new Set<string>()
  const open = ['src/cli/main.ts']
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (seen.has(file)) continue
    seen.add(file)
    for (const [, specifier] of readFileSync(file, 'utf8').matchAll(STATIC_IMPORT)) {
      if (specifier!.startsWith('.')) open.push(join(dirname(file), specifier!.replace(/\.js$/, '.ts')))
      else if (!specifier!.startsWith('node:')) packages.set(specifier!, file)
    }
  }
  expect(seen.size).toBeGreaterThan(20)
  expect([...packages.keys()], JSON.stringify(Object.fromEntries(packages))).toEqual(['commander'])
})
