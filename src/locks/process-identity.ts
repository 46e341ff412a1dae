import { execFileSync } from 'node:child_process'
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

/**
 * Where a process runs. Process numbers mean something only within one boot of one kernel and one PID namespace; host
 * names and clocks identify nothing, because containers and copies of machines share them.
 */
export interface Place {
  /** Different for every boot of a kernel; empty where the platform does not tell. */
  boot: string
  /** PID namespace; empty where the platform does not tell. */
  pidNamespace: string
  /** Stays the same across boots; empty where the platform does not tell. Copies of a machine may share it. */
  machine: string
  host: string
}

let here: Place | undefined

/** The place of this process. */
export function thisPlace(): Place {
  here ??= {
    boot: process.platform === 'linux' ? textOf('/proc/sys/kernel/random/boot_id') : bootOfMac(),
    pidNamespace: process.platform === 'linux' ? pidNamespace() : process.platform,
    machine: process.platform === 'linux' ? textOf('/etc/machine-id') : process.platform,
    host: hostname(),
  }
  return here
}

/** Whether a process of another place runs on the same kernel since the same boot. */
export function isSameBoot(place: Partial<Place>): boolean {
  return thisPlace().boot !== '' && place.boot === thisPlace().boot
}

/** Whether process numbers of another place mean the same processes here. */
export function seesProcessesOf(place: Partial<Place>): boolean {
  const { pidNamespace } = thisPlace()
  return isSameBoot(place) && pidNamespace !== '' && place.pidNamespace === pidNamespace
}

/**
 * Returns the number and the start time of a process, which distinguish it from a later one with the same number.
 * @returns null when no such process runs (a zombie does not run)
 */
export function processIdentity(pid: number): string | null {
  return process.platform === 'linux' ? fromProc(pid) : fromPs(pid)
}

function fromProc(pid: number): string | null {
  try {
    // proc(5): "pid (name) state …"; the name may hold anything, so count from the last parenthesis. Field 22: start
    // time.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const state = fields[0]
    return state === 'Z' || state === 'X' ? null : `${pid}@${fields[19]}`
  } catch {
    return null
  }
}

function fromPs(pid: number): string | null {
  try {
    const [state = 'Z', ...started] = execFileSync('ps', ['-o', 'state=,lstart=', '-p', String(pid)], {
      encoding: 'utf8',
    })
      .trim()
      .split(/\s+/)
    return state.startsWith('Z') ? null : `${pid}@${started.join(' ')}`
  } catch {
    return null
  }
}

/** Empty where /proc shows the processes of another namespace, as in a container with the /proc of its host. */
function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self') === String(process.pid) ? readlinkSync('/proc/self/ns/pid') : ''
  } catch {
    return ''
  }
}

function bootOfMac(): string {
  try {
    return execFileSync('sysctl', ['-n', 'kern.bootsessionuuid'], { encoding: 'utf8' }).trim()
  } catch {
    return ''
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return ''
  }
}
