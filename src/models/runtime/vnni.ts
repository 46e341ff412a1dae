import { readFileSync } from 'node:fs'

/** Linux' names of the instructions that add four products of bytes at once, exactly. */
const VNNI = /\b(?:avx512_vnni|avx_vnni)\b/

let found: boolean | undefined

/**
 * Returns whether this CPU is known to have VNNI: an integer product then takes a quarter of the time of one in floating
 * point, and about three quarters without it (docs/benchmarks.md). False where the system does not tell: everywhere but
 * on Linux.
 */
export function hasVnni(): boolean {
  found ??= VNNI.test(cpuInfo())
  return found
}

/** https://www.kernel.org/doc/html/latest/arch/x86/cpuinfo.html */
function cpuInfo(): string {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8')
  } catch {
    return ''
  }
}
