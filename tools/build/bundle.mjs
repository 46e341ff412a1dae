import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildSync } from 'esbuild'

/** What runs as a process or a thread: the command line, and each file that `builtFile` names. */
export const PROGRAMS = [
  'cli/main',
  'db/embedded/server-main',
  'images/jpeg-thread',
  'images/formats/picture-thread',
  'models/quantise/make-thread',
  'models/runtime/encoder-thread',
]

/** Packages that load files of their own at run time (native code, WebAssembly, threads), or that few runs load at all. */
const EXTERNAL = [
  ...['sharp', 'onnxruntime-node', '@electric-sql/*', 'libheif-js', 'piscina', 'pino', '@aws-sdk/*'],
  ...['@opentelemetry/*', 'bullmq-otel', '@bull-board/*'],
  // Optional: their packages look for them, and do without.
  ...['pg-native', 'cloudflare:sockets', 'msgpackr-extract'],
]

/** Packages written as CommonJS call `require`, which modules do not have. */
const REQUIRE = `import { createRequire as createBundleRequire } from 'node:module'
const require = createBundleRequire(import.meta.url)`

/**
 * Writes each program with what it imports into few files: a worker starts in two thirds of the processor time that a
 * thousand modules take. The programs replace the compiled files of the same names; what they share is in `chunks/`.
 *
 * @param {string} root folder of the project
 * @param {string} output the compiled modules
 */
export function bundle(root, output) {
  const { metafile } = buildSync({
    absWorkingDir: root,
    entryPoints: PROGRAMS.map(name => `src/${name}.ts`),
    outbase: 'src',
    outdir: output,
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    external: EXTERNAL,
    banner: { js: REQUIRE },
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
  })
  writeFileSync(join(output, 'THIRD-PARTY-LICENSES.txt'), licenses(root, Object.keys(metafile.inputs)))
}

/**
 * The names and licenses of the packages whose code is in the bundle, which their licenses ask for.
 *
 * @param {string} root
 * @param {string[]} files
 */
function licenses(root, files) {
  const packages = new Set(files.flatMap(file => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? []))
  return [...packages]
    .sort()
    .map(folder => {
      const { name, version, license } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'))
      const text = readdirSync(join(root, folder)).find(file => /^licen[cs]e/i.test(file))
      const words = text === undefined ? '' : `\n\n${readFileSync(join(root, folder, text), 'utf8').trim()}`
      return `${name} ${version}: ${license}${words}\n`
    })
    .join(`\n${'-'.repeat(80)}\n\n`)
}
