import { readdirSync, readFileSync } from 'node:fs'

const MEBIBYTE = 1024 * 1024

interface Process {
  pid: number
  parent: number
  name: string
}

/** Proportional set size of a process and all below it, in MiB: what is shared counts once. */
export function memoryOfTree(pid: number): number {
  const all = processes()
  const tree = (root: number): number[] => [root, ...all.filter(p => p.parent === root).flatMap(p => tree(p.pid))]
  return tree(pid).reduce((sum, one) => sum + memoryOf(one), 0)
}

/** Children of this process with such a name. */
export function childrenNamed(name: string): number[] {
  return processes()
    .filter(p => p.parent === process.pid && p.name === name)
    .map(p => p.pid)
}

function memoryOf(pid: number): number {
  try {
    const [, kibibytes] = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')) ?? []
    return (Number(kibibytes ?? 0) * 1024) / MEBIBYTE
  } catch {
    return 0 // it has ended
  }
}

function processes(): Process[] {
  return readdirSync('/proc').flatMap(entry => {
    if (!/^\d+$/.test(entry)) return []
    try {
      const [, name = '', parent] = /^\d+ \((.*)\) \S (\d+)/s.exec(readFileSync(`/proc/${entry}/stat`, 'utf8')) ?? []
      return [{ pid: Number(entry), parent: Number(parent), name }]
    } catch {
      return []
    }
  })
}
