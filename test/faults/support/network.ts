import { execFileSync } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { requires } from '../../support/servers/requirements.js'

const PREFIX_BITS = 24

/** Whether hosts can be had: network namespaces on a bridge. */
export const hasNetworks = (): boolean => {
  const problem = findProblem()
  return requires(
    `The right to create network namespaces${problem === null ? '' : ` (${problem})`}`,
    problem === null,
    'Run the tests as root with CAP_NET_ADMIN and CAP_SYS_ADMIN (a container: --privileged), with iproute2 installed.',
  )
}

/**
 * Hosts of their own: network namespaces on one bridge, with addresses that only they and this process reach. The bridge is in
 * a namespace too, so nothing of the machine's own network changes. This process is a host of it as well: the `observer`.
 */
export class Network {
  readonly #name = `uc${randomBytes(3).toString('hex')}`
  /** Private, and unlikely to be in use. */
  readonly #subnet = `10.${randomInt(200, 250)}.${randomInt(1, 250)}`
  readonly #hosts: string[] = []
  #addresses = 0
  /** Address of this process in the network. */
  readonly observer: string

  constructor() {
    run('ip', 'netns', 'add', this.#switch)
    ip(this.#switch, 'link', 'add', 'bridge', 'type', 'bridge')
    ip(this.#switch, 'link', 'set', 'bridge', 'up')
    run('ip', 'link', 'add', this.#name, 'type', 'veth', 'peer', 'name', 'observer', 'netns', this.#switch)
    this.observer = this.addObserver()
    run('ip', 'link', 'set', this.#name, 'up')
    this.#plugIn('observer')
  }

  /** Another address of this process: to an image client another host. */
  addObserver(): string {
    const address = this.#nextAddress()
    run('ip', 'address', 'add', `${address}/${PREFIX_BITS}`, 'dev', this.#name)
    return address
  }

  /** @returns its address */
  addHost(name: string): string {
    const namespace = this.#namespace(name)
    run('ip', 'netns', 'add', namespace)
    this.#hosts.push(name)
    ip(this.#switch, 'link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace)
    const address = this.#nextAddress()
    ip(namespace, 'address', 'add', `${address}/${PREFIX_BITS}`, 'dev', 'eth0')
    for (const device of ['lo', 'eth0']) ip(namespace, 'link', 'set', device, 'up')
    this.#plugIn(name)
    return address
  }

  /** What to put before a command to run it on a host; the process keeps its id. */
  on(host: string): string[] {
    return ['nsenter', `--net=/run/netns/${this.#namespace(host)}`]
  }

  /** Pulls or plugs the cable of a host. */
  setLink(host: string, state: 'up' | 'down'): void {
    ip(this.#switch, 'link', 'set', host, state)
  }

  /** Drops what is sent to a host, or passes it on again. What the host sends arrives in either case. */
  setInbound(host: string, state: 'lost' | 'passed'): void {
    const rule = state === 'lost' ? ['add', 'dev', host, 'root', 'pfifo', 'limit', '0'] : ['del', 'dev', host, 'root']
    run('tc', '-n', this.#switch, 'qdisc', ...rule)
  }

  /** Removes it all; processes that are left on a host lose their network. */
  close(): void {
    for (const name of this.#hosts) run('ip', 'netns', 'del', this.#namespace(name))
    run('ip', 'link', 'del', this.#name)
    run('ip', 'netns', 'del', this.#switch)
  }

  get #switch(): string {
    return `${this.#name}-switch`
  }

  #namespace(host: string): string {
    return `${this.#name}-${host}`
  }

  #plugIn(host: string): void {
    ip(this.#switch, 'link', 'set', host, 'master', 'bridge', 'up')
  }

  #nextAddress(): string {
    return `${this.#subnet}.${++this.#addresses}`
  }
}

function findProblem(): string | null {
  const name = `uc-try-${randomBytes(3).toString('hex')}`
  try {
    run('ip', 'netns', 'add', name)
    run('nsenter', `--net=/run/netns/${name}`, 'tc', 'qdisc', 'show')
    run('ip', 'netns', 'del', name)
    return null
  } catch (error) {
    return (error as Error).message.split('\n').slice(0, 2).join(' ')
  }
}

const ip = (namespace: string, ...args: string[]): void => run('ip', '-n', namespace, ...args)

function run(program: string, ...args: string[]): void {
  execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
}
