// Memory and processor time of processes, and disk of folders, while a step runs.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { treeOf } from '../support/cpu.mjs'

const EVERY_MS = 2000
/** Of the time at most, since a look at gigabytes that processes share takes the kernel half a second. */
const WATCHING_SHARE = 0.01
const KIB = 1024
/** Linux counts in this unit wherever Node runs. */
const TICKS_PER_SECOND = 100

/**
 * Watches the memory of process trees. What processes share counts once (proportional set size).
 * @param pids by kind, a function that is called again and again, since processes come and go
 * @returns `end()`: the largest MiB of each kind, and of all at one time
 */
export function watchMemory(pids) {
  const most = {}
  const look = () => {
    let sum = 0
    for (const [kind, roots] of Object.entries(pids())) {
      const mib = roots.flatMap(treeOf).reduce((total, pid) => total + sizeOf(pid), 0)
      most[kind] = Math.max(most[kind] ?? 0, mib)
      sum += mib
    }
    most.together = Math.max(most.together ?? 0, sum)
  }
  let timer
  const watch = () => {
    const began = performance.now()
    look()
    timer = setTimeout(watch, Math.max(EVERY_MS, (performance.now() - began) / WATCHING_SHARE))
  }
  watch()
  return {
    end() {
      clearTimeout(timer)
      look()
      return Object.fromEntries(Object.entries(most).map(([kind, mib]) => [kind, Math.round(mib)]))
    },
  }
}

function sizeOf(pid) {
  try {
    return Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0) / KIB
  } catch {
    return 0 // it has ended
  }
}

/** Processor seconds of a process, of all below it, those that have ended included. */
export function coreSeconds(root) {
  const ticks = treeOf(root).reduce((sum, pid) => {
    try {
      // https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html: utime, stime, and those of children that were waited for
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ')
      return sum + fields.slice(11, 15).reduce((total, field) => total + Number(field), 0)
    } catch {
      return sum // it has ended
    }
  }, 0)
  return ticks / TICKS_PER_SECOND
}

/** Bytes on disk of a file or folder, 0 for none. */
export function bytesOn(path) {
  try {
    const stat = statSync(path)
    if (!stat.isDirectory()) return stat.blocks * 512
    return readdirSync(path).reduce((sum, name) => sum + bytesOn(join(path, name)), 0)
  } catch {
    return 0 // removed meanwhile
  }
}
