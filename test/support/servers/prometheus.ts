import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { parse, stringify } from 'yaml'
import { until } from '../until.js'
import { freePort } from './free-port.js'
import { requires } from './requirements.js'

const CONFIGURATION = 'infra/prometheus/prometheus.yaml'
export const RULES = 'infra/prometheus/rules.yaml'
const PROGRAMS = ['prometheus', 'promtool', 'prometheus-postgres-exporter', 'prometheus-redis-exporter']

export const hasPrometheus = (): boolean =>
  requires(
    `Prometheus with its exporters (${PROGRAMS.join(', ')})`,
    PROGRAMS.every(program =>
      (process.env.PATH ?? '').split(delimiter).some(folder => existsSync(join(folder, program))),
    ),
    'Install them (infra/dev/install-debian.sh).',
  )

/** @throws with what promtool found */
export function promtool(...args: string[]): string {
  return execFileSync('promtool', args, { encoding: 'utf8', stdio: 'pipe' })
}

export interface Sample {
  labels: Record<string, string>
  value: number
}

export interface Prometheus {
  url: string
  /** The value of an expression now. */
  query(expression: string): Promise<Sample[]>
  /** Names of the alerts that fire. */
  firing(): Promise<string[]>
  stop(): Promise<void>
}

/**
 * A Prometheus with the project's own configuration that scrapes every few seconds.
 * @param targets addresses by name of the job, in place of those of the containers; other jobs are left out
 * @param options `shorten` changes the rules, so that alerts fire in seconds; an answer has `scrapeSeconds`, too, or
 *   `scrapeSecondsOf` its job
 */
export async function startPrometheus(
  targets: Readonly<Record<string, string[]>>,
  {
    shorten = (rules: string) => rules,
    scrapeSeconds = 1,
    scrapeSecondsOf = {} as Readonly<Record<string, number>>,
  } = {},
): Promise<Prometheus> {
  const folder = await mkdtemp(join(tmpdir(), 'unsplash-clip-prometheus-'))
  const given = parse(readFileSync(CONFIGURATION, 'utf8'))
  const names: string[] = given.scrape_configs.map((job: { job_name: string }) => job.job_name)
  const unknown = Object.keys(targets).filter(name => !names.includes(name))
  if (unknown.length > 0) throw new Error(`${CONFIGURATION} has no job ${unknown.join(', ')}`)
  await writeFile(join(folder, 'rules.yaml'), shorten(readFileSync(RULES, 'utf8')))
  const configuration = {
    global: { scrape_interval: `${scrapeSeconds}s`, evaluation_interval: '1s' },
    rule_files: given.rule_files,
    scrape_configs: Object.entries(targets).map(([job_name, addresses]) => ({
      job_name,
      scrape_interval: `${scrapeSecondsOf[job_name] ?? scrapeSeconds}s`,
      static_configs: [{ targets: addresses }],
    })),
  }
  await writeFile(join(folder, 'prometheus.yaml'), stringify(configuration))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const child = spawn(
    'prometheus',
    [
      `--config.file=${join(folder, 'prometheus.yaml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=error',
    ],
    { stdio: 'ignore' },
  )
  await until('Prometheus to be ready', () => answers(`${url}/-/ready`))
  const query = async (expression: string): Promise<Sample[]> => {
    const response = await fetch(`${url}/api/v1/query`, {
      method: 'POST',
      body: new URLSearchParams({ query: expression }),
    })
    const { status, error, data } = (await response.json()) as {
      status: string
      error?: string
      data: { result: { metric: Record<string, string>; value: [number, string] }[] }
    }
    if (status !== 'success') throw new Error(`${expression}: ${error}`)
    return data.result.map(({ metric, value: [, value] }) => ({ labels: metric, value: Number(value) }))
  }
  return {
    url,
    query,
    async firing() {
      const alerts = await query('ALERTS{alertstate="firing"}')
      return [...new Set(alerts.map(({ labels }) => labels.alertname!))].sort()
    },
    async stop() {
      await end(child)
      await rm(folder, { recursive: true })
    },
  }
}

export interface Exporter {
  /** 127.0.0.1:PORT */
  address: string
  stop(): Promise<void>
}

/** @param databaseUrl of the login that the exporter uses */
export const startPostgresExporter = (databaseUrl: string): Promise<Exporter> =>
  startExporter(
    'prometheus-postgres-exporter',
    [`--extend.query-path=${resolve('infra/prometheus/postgres-queries.yaml')}`],
    { DATA_SOURCE_NAME: `${databaseUrl}?sslmode=disable` },
  )

export const startRedisExporter = (redisUrl: string): Promise<Exporter> =>
  startExporter('prometheus-redis-exporter', [`--redis.addr=${redisUrl}`], {})

async function startExporter(program: string, args: string[], environment: Record<string, string>): Promise<Exporter> {
  const address = `127.0.0.1:${await freePort()}`
  const child = spawn(program, [`--web.listen-address=${address}`, ...args], {
    env: { PATH: process.env.PATH, ...environment },
    stdio: 'ignore',
  })
  await until(`${program} to answer`, () => answers(`http://${address}/metrics`))
  return { address, stop: () => end(child) }
}

const answers = (url: string): Promise<boolean> =>
  fetch(url).then(
    response => response.ok,
    () => false,
  )

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}
