import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'

/** Lists what dist/ was built from; the build writes it last, so an interrupted build has none. */
export const BUILD_INFO = join('dist', '.build-info.json')

/** Built by the AssemblyScript compiler; the TypeScript compiler builds the folders that tsconfig.build.json includes. */
export const ASSEMBLY = 'assembly'

/** Built by Vite. */
export const WEB = 'web'

const CONFIGURATION = [
  ...['tsconfig.json', 'tsconfig.build.json', 'package-lock.json'],
  ...['build.mjs', 'bundle.mjs'].map(name => join('tools', 'build', name)),
]
const COMPILERS = ['typescript', 'esbuild', 'assemblyscript']
/** What becomes part of the page, and what makes it. */
export const PAGE_PACKAGES = [
  ...['vite', 'preact', '@preact/signals', '@tanstack/virtual-core', 'openapi-fetch', 'world-atlas', 'topojson-client'],
]
/** A message that names more files than this is not read. */
const MAX_NAMED = 3

/**
 * The contents of everything that decides what the build writes. Contents, because a checkout or a copy of files changes
 * their times without a change of the sources, and a switch of branches the other way round.
 *
 * @param {string} root folder of the project
 * @returns {Record<string, string>} digest of each source file by its path, and version of each compiler by its name
 */
export function buildInputs(root) {
  const { include } = JSON.parse(readFileSync(join(root, 'tsconfig.build.json'), 'utf8'))
  /** @type {Record<string, string>} */
  const inputs = {}
  for (const file of [
    ...CONFIGURATION,
    ...[...include, ASSEMBLY, WEB].flatMap(folder => sourceFiles(root, folder)),
  ].sort())
    inputs[file] = digest(join(root, file))
  for (const name of [...COMPILERS, ...PAGE_PACKAGES]) inputs[name] = versionOf(root, name)
  return inputs
}

/**
 * Compares dist/ with the working tree.
 *
 * @param {string} root folder of the project
 * @returns {string | null} why dist/ has to be built; null when it was built from these sources
 */
export function staleness(root) {
  const built = builtInputs(root)
  if (built === null) return 'dist/ holds no complete build'
  const present = buildInputs(root)
  const changed = [...new Set([...Object.keys(built), ...Object.keys(present)])].filter(it => built[it] !== present[it])
  if (changed.length === 0) return null
  const more = changed.length > MAX_NAMED ? ` and ${changed.length - MAX_NAMED} more` : ''
  return `dist/ was built from other sources: ${changed.slice(0, MAX_NAMED).join(', ')}${more} changed since`
}

/**
 * @param {string} root folder of the project
 * @returns {Record<string, string> | null} what dist/ was built from; null when it holds no complete build
 */
export function builtInputs(root) {
  const file = join(root, BUILD_INFO)
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null
}

/**
 * @param {string} root
 * @param {string} folder
 */
function sourceFiles(root, folder) {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && !entry.name.endsWith('.md'))
    .map(entry => relative(root, join(entry.parentPath, entry.name)).replaceAll(sep, '/'))
}

/** @param {string} file */
const digest = file => createHash('sha256').update(readFileSync(file)).digest('base64url')

/**
 * @param {string} root
 * @param {string} name
 */
const versionOf = (root, name) =>
  JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')).version
