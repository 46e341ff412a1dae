import { readdirSync, readFileSync } from 'node:fs'

/** Linux counts in this unit wherever Node runs. */
const MS_PER_TICK = 10

/** CPU time, user and system, of a process and all of its living descendants, in ms. Linux only: 0 elsewhere. */
export function cpuMs(pid) {
  const processes = all()
  const ofTree = one =>
    (processes.get(one)?.ms ?? 0) + childrenOf(one, processes).reduce((sum, child) => sum + ofTree(child), 0)
  return ofTree(pid)
}

/** CPU time of the main thread of a process alone, in ms. Linux only: 0 elsewhere. */
export function mainThreadMs(pid) {
  try {
    return ticksOf(`/proc/${pid}/task/${pid}/stat`).ms
  } catch {
    return 0
  }
}

/** Largest resident set that a process has had, in MiB. Linux only: 0 elsewhere. */
export function peakMib(pid) {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024
  } catch {
    return 0
  }
}

/** @returns pids of the living child processes of a process */
export function children(pid) {
  return childrenOf(pid, all())
}

/** @returns the pid of a process and of all of its living descendants */
export function treeOf(pid) {
  const processes = all()
  const below = one => [one, ...childrenOf(one, processes).flatMap(below)]
  return below(pid)
}

function childrenOf(pid, processes) {
  return [...processes].filter(([, { parent }]) => parent === pid).map(([child]) => child)
}

function all() {
  return new Map(
    pids().flatMap(pid => {
      try {
        return [[pid, ticksOf(`/proc/${pid}/stat`)]]
      } catch {
        return []
      }
    }),
  )
}

function ticksOf(file) {
  // https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html; the name may hold spaces and brackets.
  const stat = readFileSync(file, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return { parent: Number(fields[1]), ms: (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK }
}

function pids() {
  try {
    return readdirSync('/proc')
      .filter(name => /^\d+$/.test(name))
      .map(Number)
  } catch {
    return []
  }
}
