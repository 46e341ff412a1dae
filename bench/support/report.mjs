// Shared by all benchmarks: options, output, and facts of the machine.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os'
import { parseArgs } from 'node:util'

/** Options of the benchmark and of all: `--json`: one JSON object on stdout instead of tables; `--out`: the same in a file. */
export function readOptions(own = {}, settings = {}) {
  const all = { ...own, json: { type: 'boolean', default: false }, out: { type: 'string' } }
  const parsed = parseArgs({ options: all, ...settings })
  return { ...parsed.values, positionals: parsed.positionals }
}

/** Progress, for people, on stderr. */
export function say(line) {
  process.stderr.write(`${line}\n`)
}

/**
 * Prints a result: tables for people or, with --json, one JSON object; --out writes that object into a file as well.
 * @param {object} result `bench`: name; `settings`: the options; `tables`: [{ title, rows }] with rows of column name
 *   to number, text, list or {@link spread}; `notes`: lines below; anything else is for JSON alone
 */
export function report({ json, out }, { bench, settings = {}, tables, notes = [], ...rest }) {
  const result = { bench, at: new Date().toISOString(), machine: machine(), settings, tables, notes, ...rest }
  if (out !== undefined) writeFileSync(out, `${JSON.stringify(result, null, 2)}\n`)
  if (json) {
    console.log(JSON.stringify(result))
    return
  }
  for (const { title, rows } of tables) console.log(`\n${title}\n\n${markdown(rows)}`)
  for (const note of notes) console.log(`\n${note}`)
  console.log(`\n${described(result)}`)
}

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

export function spread(values, digits = 3) {
  const [min, max] = [Math.min(...values), Math.max(...values)]
  return { min: round(min, digits), median: round(median(values), digits), max: round(max, digits) }
}

/** Rounded to `digits` significant digits; whole numbers above them stay whole. */
export function round(value, digits = 3) {
  if (value === 0 || !Number.isFinite(value)) return value
  return Math.abs(value) >= 10 ** digits ? Math.round(value) : Number(value.toPrecision(digits))
}

/** Facts that affect figures. */
export function machine() {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cpuFeatures: cpuFeatures(),
    cores: availableParallelism(),
    memoryGib: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    loadAverage: round(loadavg()[0]),
    commit: commit(),
  }
}

/** Instructions on which the speed of integer and half precision products depends. Linux on x86 and ARM only. */
function cpuFeatures() {
  const wanted = /^(avx2|fma|avx_vnni|avx512f|avx512_vnni|avx512_bf16|amx_tile|amx_int8|amx_bf16|asimddp|i8mm|bf16)$/
  try {
    const [, flags] = /^(?:flags|Features)\s*: (.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))
    return flags.split(' ').filter(flag => wanted.test(flag))
  } catch {
    return []
  }
}

function commit() {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8', stdio: 'pipe' }).trim()
  } catch {
    return null
  }
}

function described({ at, machine: { cpu, cpuFeatures, cores, memoryGib, node, loadAverage, commit } }) {
  return `${cpu} (${cpuFeatures.join(' ') || 'features unknown'}), ${cores} cores, ${memoryGib} GiB, Node ${node}, commit ${commit}, load ${loadAverage} at the end, ${at}`
}

/** A Markdown table whose columns also line up in a terminal. */
function markdown(rows) {
  const columns = [...new Set(rows.flatMap(row => Object.keys(row)))]
  const isNumber = columns.map(column => rows.every(row => isNumeric(row[column])))
  const cells = [columns, ...rows.map(row => columns.map(column => shown(row[column])))]
  const widths = columns.map((_, i) => Math.max(3, ...cells.map(row => row[i].length)))
  const line = row =>
    `| ${row.map((cell, i) => (isNumber[i] ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join(' | ')} |`
  const rule = `|${widths.map((width, i) => (isNumber[i] ? `${'-'.repeat(width + 1)}:` : '-'.repeat(width + 2))).join('|')}|`
  return [line(cells[0]), rule, ...cells.slice(1).map(line)].join('\n')
}

function isNumeric(value) {
  return value === undefined || value === null || typeof value !== 'string'
}

function shown(value) {
  if (value === undefined || value === null) return ''
  if (typeof value === 'number') return value.toLocaleString('en-US', { maximumFractionDigits: 4 })
  if (Array.isArray(value)) return value.map(shown).join(', ')
  if (typeof value === 'object' && 'median' in value)
    return `${shown(value.median)} (${shown(value.min)} to ${shown(value.max)})`
  return String(value)
}
