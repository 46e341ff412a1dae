import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { type Database, openDatabase } from '../../src/db/connection.js'
import { type Running, Sandbox } from '../support/cli.js'
import { gradient } from '../support/images/sample-images.js'
import { processesWith } from '../support/processes.js'
import { freePort } from '../support/servers/free-port.js'
import { type TestServer as HttpServer, startHttp } from '../support/servers/http-server.js'
import { hasOwnServer, type OwnPostgres, startPostgres } from '../support/servers/postgres.js'
import {
  type Exporter,
  hasPrometheus,
  type Prometheus,
  promtool,
  RULES,
  startPostgresExporter,
  startPrometheus,
  startRedisExporter,
} from '../support/servers/prometheus.js'
import { hasRedis, startRedis, type TestRedis } from '../support/servers/redis.js'
import { until } from '../support/until.js'

const found = [hasPrometheus(), hasOwnServer(), hasRedis()].every(Boolean)
const MINUTE = 60_000
const FAILING = 48

interface Panel {
  id: number
  title: string
  targets: { expr: string }[]
}
const { panels } = JSON.parse(readFileSync('infra/grafana/dashboards/unsplash-clip.json', 'utf8')) as {
  panels: Panel[]
}
const expressionsOf = (title: string): string[] =>
  panels.find(panel => panel.title === title)!.targets.map(({ expr }) => expr)

interface Rule {
  alert: string
  expr: string
  for?: string
  labels: { severity: string }
  annotations: Record<string, string>
}
const rules: Rule[] = parse(readFileSync(RULES, 'utf8')).groups.flatMap((group: { rules: Rule[] }) => group.rules)

/** Of versitygw through statsd_exporter: metrics/metrics.go and metrics/statsd.go of versitygw. Neither is here to be asked. */
const OF_VERSITYGW = ['versitygw_success_count', 'versitygw_failed_count']

describe.skipIf(!found)('monitoring', { timeout: 8 * MINUTE }, () => {
  let postgres: OwnPostgres
  let redis: TestRedis
  let images: HttpServer
  let sandbox: Sandbox
  let database: Database
  let exporters: Exporter[] = []
  let metricsPort: number
  const stops: (() => Promise<unknown>)[] = []

  beforeAll(async () => {
    ;[postgres, redis] = await Promise.all([startPostgres(), startRedis()])
    const photo = await gradient(320, 240).jpeg().toBuffer()
    images = await startHttp((request, response) => {
      if (request.url!.startsWith('/missing')) response.writeHead(404).end()
      else response.writeHead(200, { 'content-type': 'image/jpeg' }).end(photo)
    })
    metricsPort = await freePort()
    sandbox = await Sandbox.create({
      DATABASE_URL: postgres.url,
      REDIS_URL: redis.url,
      ALLOW_HOSTS: images.host,
      METRICS_HOST: '127.0.0.1',
      METRICS_PORT: String(metricsPort),
      PHOTOS_PER_JOB: '16',
      QUEUE_LOCK_MS: '3000',
    })
    expect(await sandbox.run('db', 'migrate')).toMatchObject({ code: 0 })
    database = await openDatabase({ url: postgres.url })
    await database.query(readFileSync('infra/sql/roles.sql', 'utf8'))
    await database.query('create role watcher login in role unsplash_clip_reader')
    const readerUrl = postgres.url.replace('//postgres@', '//watcher@')
    exporters = await Promise.all([startPostgresExporter(readerUrl), startRedisExporter(redis.url)])
  })
  afterEach(async () => {
    for (const stop of stops.splice(0).reverse()) await stop()
  })
  afterAll(async () => {
    await database?.close()
    await Promise.all(exporters.map(exporter => exporter.stop()))
    await sandbox?.close()
    await images?.close()
    await Promise.all([postgres?.stop(), redis?.stop()])
  })

  const targets = (): Record<string, string[]> => ({
    'unsplash-clip/worker': [`127.0.0.1:${metricsPort}`],
    'unsplash-clip/postgres': [exporters[0]!.address],
    'unsplash-clip/redis': [exporters[1]!.address],
  })
  async function prometheus(options?: Parameters<typeof startPrometheus>[1]): Promise<Prometheus> {
    const server = await startPrometheus(targets(), options)
    stops.push(() => server.stop())
    return server
  }
  function start(...args: string[]): Running {
    const running = sandbox.start(...args)
    stops.push(async () => {
      running.child.kill('SIGKILL')
      await running.finished
    })
    return running
  }
  const isReady = () =>
    fetch(`http://127.0.0.1:${metricsPort}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    )
  const metrics = () => fetch(`http://127.0.0.1:${metricsPort}/metrics`).then(response => response.text())
  let lists = 0
  async function ingest(paths: string[], ...options: string[]): Promise<Running> {
    const list = join(sandbox.home, `list-${++lists}.txt`)
    await writeFile(list, paths.map(path => `${images.origin}/${path}?${lists}\n`).join(''))
    return start('ingest', list, ...options)
  }
  const numbered = (name: string, count: number) => Array.from({ length: count }, (_, i) => `${name}-${i}.jpg`)
  const numberOf = async (server: Prometheus, expression: string): Promise<number | undefined> =>
    (await server.query(expression))[0]?.value

  test.each([
    { kind: 'one process', options: [] },
    { kind: 'a supervisor', options: ['--processes', '2'] },
  ])(
    'all of 48 photos fail in a fresh worker ($kind): the dashboard says 48, also if the first scrape sees them',
    async ({ options }) => {
      start('worker', ...options)
      await until('the worker to be ready', isReady)
      const early = await prometheus()
      const up = () => numberOf(early, 'unsplash_clip_photos_failed_total{code="HTTP_404"}')
      await until('the first scrape', async () => (await up()) === 0)
      // 3: some photos failed for good.
      const producer = await ingest(numbered('missing', FAILING), '--wait')
      expect(await producer.finished).toMatchObject({ code: 3 })
      await until('the failures to be scraped', async () => (await up()) === FAILING)
      const late = await prometheus()
      await until('a first scrape that sees them', async () => {
        return (await numberOf(late, 'unsplash_clip_photos_failed_total{code="HTTP_404"}')) === FAILING
      })
      for (const server of [early, late]) {
        const [total] = expressionsOf('Failed for good')
        expect(await numberOf(server, total!)).toBe(FAILING)
        const [byCode] = expressionsOf('Failures in 5 minutes, by code')
        expect(await server.query(byCode!)).toEqual([{ labels: { code: 'HTTP_404' }, value: FAILING }])
        expect(await numberOf(server, expressionsOf('Batches left')[0]!)).toBe(0)
        expect(await numberOf(server, expressionsOf('Workers')[0]!)).toBe(options.length > 0 ? 2 : 1)
      }
    },
  )

  test('nothing has failed and no worker runs: the numbers at the top of the dashboard say 0, not nothing', async () => {
    const server = await prometheus()
    await until('a scrape', async () => (await numberOf(server, 'sum(up)')) !== undefined)
    for (const title of ['Failed for good', 'Workers']) expect(await numberOf(server, expressionsOf(title)[0]!)).toBe(0)
  })

  test('every series and label in dashboard and rules is one that workers or exporters export', async () => {
    start('worker', '--processes', '2')
    await until('the workers to be ready', isReady)
    const server = await prometheus()
    await until(
      'the series of both processes',
      async () => (await numberOf(server, 'sum(unsplash_clip_workers_info)')) === 2,
    )
    await until(
      'the exporters',
      async () => (await numberOf(server, 'max(unsplash_clip_alive_workers) + max(redis_up)')) !== undefined,
    )

    const expressions = [
      ...panels.flatMap(panel => panel.targets.map(({ expr }) => expr)),
      ...rules.map(({ expr }) => expr),
    ]
    const used = new Map<string, Set<string>>()
    for (const expression of expressions) {
      const names = expression.match(/\b(?:unsplash_clip|process|redis|pg|versitygw)_\w+/g) ?? []
      for (const name of names) if (!used.has(name)) used.set(name, new Set())
      for (const [, name, matchers] of expression.matchAll(/(\w+)\{([^}]*)\}/g))
        for (const [, label] of matchers!.matchAll(/(\w+)\s*(?:=~|!=|=|!~)/g)) used.get(name!)?.add(label!)
      // Labels of `by` and `on` belong to the first series that follows.
      for (const [, labels, rest] of expression.matchAll(/\bby \(([^)]*)\)\s*\((.*)$/gm)) {
        const name = names.find(name => rest!.includes(name))
        for (const label of labels!.split(', ')) if (name && label !== 'le') used.get(name)!.add(label)
      }
    }
    expect(used.size).toBeGreaterThan(20)
    for (const [name, labels] of used) {
      if (OF_VERSITYGW.includes(name)) continue
      const series = await server.query(name)
      expect(series.length, `${name} has no series`).toBeGreaterThan(0)
      for (const label of labels) expect(Object.keys(series[0]!.labels), `labels of ${name}`).toContain(label)
    }
    // Values of labels that are named, and not only matched by a pattern.
    for (const expression of expressions)
      for (const [selector, name] of expression.matchAll(/(unsplash_clip_\w+)\{\w+="\w+"\}/g))
        expect((await server.query(selector)).length, `${selector} of ${name}`).toBeGreaterThan(0)
    for (const title of panels.map(panel => panel.title))
      for (const expr of expressionsOf(title)) await server.query(expr)
  })

  test('alerts fire on real faults, and end with them', async () => {
    // In seconds instead of minutes; the conditions stay. A health check waits 3 s for a service: a scrape of the worker
    // has more than twice that, since one that is cut off says nothing about readiness.
    const server = await prometheus({
      shorten: text => text.replaceAll(/^( +)for: \w+$/gm, '$1for: 2s').replaceAll('[10m]', '[30s]'),
      scrapeSeconds: 4,
      scrapeSecondsOf: { 'unsplash-clip/worker': 9 },
    })
    const fires = (...alerts: string[]) =>
      until(`${alerts.join(', ')} to fire`, async () => {
        const firing = await server.firing()
        return alerts.every(alert => firing.includes(alert))
      })
    const ends = (...alerts: string[]) =>
      until(`${alerts.join(', ')} to end`, async () => {
        const firing = await server.firing()
        return !alerts.some(alert => firing.includes(alert))
      })

    const producer = await ingest(numbered('photo', 64))
    expect(await producer.finished).toMatchObject({ code: 0 })
    await fires('NoWorkerAlive', 'TargetDown')
    await database.query(`update batches set open_since = now() - interval '7 hours' where settled_at is null`)
    await database.query(
      `update batches set given_up_at = now(), given_up_code = 'WORKER_FAILED', given_up_message = 'of this test'
        where id = (select id from batches where settled_at is null limit 1)`,
    )
    await fires('OldestBatchTooOld', 'BatchesGivenUp')

    const worker = start('worker', '--processes', '2')
    // Also those that a worker sets off while it starts: it is not ready, and has completed nothing.
    await until('every alert to end', async () => (await server.firing()).length === 0)

    for (let crash = 1; crash <= 4; crash++) {
      const child = await until('the worker process', async () =>
        (await processesWith(`UNSPLASH_CLIP_SUPERVISOR=${worker.child.pid}`)).find(
          one => one.parent === worker.child.pid,
        ),
      )
      process.kill(child.pid, 'SIGKILL')
      await until(
        'its restart to be counted',
        async () => Number(/^unsplash_clip_worker_restarts_total (\d+)$/m.exec(await metrics())?.[1] ?? 0) >= crash,
      )
    }
    await fires('WorkerProcessesRestart')
    await until('the worker to be ready', isReady)

    const used = Number(
      /used_memory:(\d+)/.exec(
        execFileSync('redis-cli', ['-u', redis.url, 'info', 'memory'], { encoding: 'utf8' }),
      )![1],
    )
    const limit = (bytes: number) =>
      execFileSync('redis-cli', ['-u', redis.url, 'config', 'set', 'maxmemory', String(bytes)])
    limit(Math.round(used * 1.1))
    await fires('RedisMemoryNearLimit')
    limit(0)
    await ends('RedisMemoryNearLimit')

    await redis.kill()
    await fires('RedisDown', 'NotReady')
    await redis.restart()
    await ends('RedisDown', 'NotReady')

    await postgres.kill()
    await fires('DatabaseDown', 'NotReady')
    await postgres.restart()
    await ends('DatabaseDown', 'NotReady', 'ServiceAway')
  })
})

describe.skipIf(!found)('infra/prometheus', () => {
  test('promtool finds nothing wrong, and its tests of the rules pass', () => {
    expect(promtool('check', 'config', 'infra/prometheus/prometheus.yaml')).toContain('SUCCESS')
    expect(promtool('check', 'rules', RULES)).toContain('SUCCESS')
    expect(promtool('test', 'rules', 'infra/prometheus/rules.test.yaml')).toContain('SUCCESS')
  })

  test('every alert is tested, says what happened and what to do, and has its place in the documentation', () => {
    const tests = readFileSync('infra/prometheus/rules.test.yaml', 'utf8')
    const guide = readFileSync('docs/guides/deployment.md', 'utf8')
    for (const { alert, annotations, labels } of rules) {
      expect(tests, alert).toContain(alert)
      expect(guide, alert).toContain(`**${alert}**`)
      expect(Object.keys(annotations)).toEqual(['summary', 'description', 'action'])
      expect(['critical', 'warning']).toContain(labels.severity)
    }
  })

  test('the operator of Prometheus gets the same rules', () => {
    const file = 'infra/kubernetes/prometheus-operator/rules.yaml'
    expect(existsSync(file)).toBe(true)
    expect(parse(readFileSync(file, 'utf8')).spec.groups).toEqual(parse(readFileSync(RULES, 'utf8')).groups)
  })
})
