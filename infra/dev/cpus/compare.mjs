// Compares embeddings of embed.mjs with PyTorch's and with those of this machine's own CPU
//
//   node compare.mjs inputs OUT            writes what embed.mjs embeds
//   node compare.mjs FOLDER OWN OTHER CPU  fails where one is further away than the tests allow
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { register } from 'tsx/esm/api'

register()
const { EXPORTED } = await import('../../../test/support/models/exported.ts')
const { pictures, similarity, TEXTS } = await import('../../../test/support/models/untouched.ts')

/** Sides of the pictures of the miniatures. */
const SIDES = [16, 28, 32, 64]
/** 11 bits of each number, through all layers. */
const HALVES = 0.9995
const EQUAL = 0.99999
const read = file => JSON.parse(readFileSync(file, 'utf8'))
const vectors = (rows = []) => rows.map(row => Float32Array.from(row))

const [folder, own, other, cpu] = process.argv.slice(2)
if (folder === 'inputs') {
  const bytes = Object.fromEntries(
    SIDES.map(side => [side, pictures(side).map(picture => Buffer.from(picture).toString('base64'))]),
  )
  writeFileSync(own, JSON.stringify({ pictures: bytes, texts: TEXTS }))
} else {
  const [here, there] = [read(own), read(other)]
  const faults = []
  let least = 1
  for (const [name, precisions] of Object.entries(EXPORTED))
    for (const [precision, wanted] of Object.entries(precisions)) {
      const key = `${name}@${precision}`
      const expected = read(join(folder, name, 'expected.json'))
      if (!there[key]) continue
      for (const kind of ['images', 'texts']) {
        const found = vectors(there[key][kind])
        if (found.length === 0) continue
        const library = similarity(found, vectors(expected[kind])).centred.least
        const near = similarity(found, vectors(here[key][kind])).centred.least
        // Files in halves: an x86 CPU computes them in 32 bits, an ARM CPU with arithmetic in halves does not.
        const tested = wanted[kind] ?? EQUAL
        const bar = /f16|fp16/.test(precision) ? Math.min(tested, HALVES) : tested
        least = Math.min(least, near)
        console.log(`${cpu} ${key} ${kind}: PyTorch ${library.toFixed(6)} (> ${bar}), own CPU ${near.toFixed(6)}`)
        if (!(library > bar)) faults.push(`${key} ${kind}: expected more than ${bar} with PyTorch, found ${library}`)
        // In integers only rounding before a step of quantisation differs between CPUs.
        const closest = wanted.images >= 0.9999 ? EQUAL - 9e-5 : (wanted.untouched?.centred ?? 0.999)
        if (!(near > closest)) faults.push(`${key} ${kind}: expected more than ${closest} with this CPU, found ${near}`)
      }
    }
  console.log(`${cpu}: ${Object.keys(there).length} files, least ${least.toFixed(6)} with this CPU`)
  if (faults.length > 0) throw new Error(`${cpu} embeds differently:\n${faults.join('\n')}`)
}
