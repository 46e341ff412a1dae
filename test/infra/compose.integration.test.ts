import { execFile, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { freePort } from '../support/servers/free-port.js'
import { requires } from '../support/servers/requirements.js'
import { s3Server } from '../support/servers/s3.js'
import { expectCommand, unknownVariables } from './entry-point.js'

const run = promisify(execFile)

interface Service {
  image: string
  command?: string[]
  entrypoint?: string[]
  environment?: Record<string, string>
  healthcheck?: { test: string[] | string; disable?: boolean }
  read_only?: boolean
  depends_on?: Record<string, { condition: string }>
  ports?: (string | { host_ip?: string })[]
  volumes?: unknown[]
  restart?: string
  stop_grace_period?: string
}

/** The plugin of Docker, or Debian's program of the same file format; neither needs an engine to resolve a file. */
const COMPOSE = [['docker', 'compose'], ['docker-compose']].find(
  ([program, ...rest]) => spawnSync(program!, [...rest, 'version'], { stdio: 'ignore' }).status === 0,
)
const hasCompose = requires(
  'Docker Compose',
  COMPOSE !== undefined,
  'Install its plugin, or docker-compose (infra/dev/install-debian.sh); no engine is needed.',
)

const EXAMPLE = 'infra/compose.env.example'
const passwords = [...readFileSync(EXAMPLE, 'utf8').matchAll(/^([A-Z0-9_]+)=$/gm)].map(([, name]) => name!)

async function config(files: string[], envFile: string): Promise<string> {
  const [program, ...rest] = COMPOSE!
  const options = ['--env-file', envFile, ...files.flatMap(file => ['-f', file])]
  const { stdout } = await run(program!, [...rest, ...options, 'config'], { env: { PATH: process.env.PATH } })
  return stdout
}

describe.skipIf(!hasCompose)('infra/compose.yaml', () => {
  let folder: string
  let envFile: string
  let services: Record<string, Service>
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unsplash-clip-compose-'))
    envFile = join(folder, 'env')
    await writeFile(envFile, passwords.map(name => `${name}=secret${name.length}\n`).join(''))
    // As written rather than as resolved: the program leaves out services whose profile is off.
    services = parse(readFileSync('infra/compose.yaml', 'utf8'), { merge: true }).services
  })
  afterAll(() => rm(folder, { recursive: true }))

  const application = () => Object.entries(services).filter(([, { image }]) => image.includes('unsplash-clip'))

  test('is understood by docker compose config, alone and with the ports of development', async () => {
    const alone = parse(await config(['infra/compose.yaml'], envFile))
    expect(Object.keys(alone.services)).toEqual(
      expect.arrayContaining([
        ...['postgres', 'redis', 's3', 'bucket', 'migrate', 'worker', 'prometheus', 'grafana'],
        ...['postgres-exporter', 'redis-exporter', 's3-exporter'],
      ]),
    )
    const both = parse(await config(['infra/compose.yaml', 'infra/dev/compose.yaml'], envFile))
    for (const name of ['postgres', 'redis', 's3'])
      expect(JSON.stringify(both.services[name].ports)).toContain('127.0.0.1')
  })

  test('is refused without passwords, and has none of its own', async () => {
    expect(passwords.length).toBeGreaterThan(3)
    const [missing, ...others] = passwords
    const incomplete = join(folder, 'incomplete')
    await writeFile(incomplete, others.map(name => `${name}=secret\n`).join(''))
    await expect(config(['infra/compose.yaml'], incomplete)).rejects.toThrow(missing)
    for (const line of readFileSync('infra/compose.yaml', 'utf8').split('\n'))
      if (/^ +[A-Z_]*(PASSWORD|SECRET|ACCESS)_?[A-Z]*:/.test(line)) expect(line).toMatch(/\$\{\w+:\?/)
  })

  test('starts commands that exist with settings that exist', async () => {
    expect(application().map(([name]) => name)).toEqual(['migrate', 'worker', 'producer', 'api'])
    for (const [, { command, environment }] of application()) {
      await expectCommand(command!)
      expect(unknownVariables(Object.keys(environment!))).toEqual([])
    }
  })

  test('runs the application without a writable file system, and leaves workers time to finish', () => {
    for (const [, service] of application()) expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'] })
    expect(services.worker).toMatchObject({ stop_grace_period: '5m', deploy: { replicas: `\${WORKERS:-2}` } })
  })

  test('waits for what a service needs: servers that are healthy, one-shot services that succeeded', () => {
    for (const { depends_on = {} } of Object.values(services))
      for (const [name, { condition }] of Object.entries(depends_on)) {
        const lasts = services[name]!.restart === 'unless-stopped'
        expect(condition).toBe(lasts ? 'service_healthy' : 'service_completed_successfully')
        if (lasts) expect(services[name]!.healthcheck).toBeDefined()
      }
  })

  test('pins every image, publishes ports on loopback alone, mounts files that exist', () => {
    for (const { image, ports = [], volumes = [] } of Object.values(services)) {
      if (!image.includes('unsplash-clip')) expect(image).toMatch(/:v?\d+\.\d+/)
      for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/)
      for (const volume of volumes.map(String).filter(volume => volume.startsWith('./')))
        expect(existsSync(join('infra', volume.split(':')[0]!)), volume).toBe(true)
    }
  })

  test('creates the bucket, and does not mind that it is there', async () => {
    const server = await s3Server()
    const { entrypoint, command } = services.bucket!
    const environment = {
      ...services.bucket!.environment,
      PATH: process.env.PATH,
      S3_ENDPOINT: server.endpoint,
      S3_ACCESS_KEY: server.env.AWS_ACCESS_KEY_ID,
      S3_SECRET_KEY: server.env.AWS_SECRET_ACCESS_KEY,
    }
    try {
      const [program, ...rest] = [...entrypoint!, ...command!]
      const script = rest.map(part => part.replaceAll('$$', '$'))
      for (let time = 1; time <= 2; time++)
        expect((await run(program!, script, { env: environment })).stdout).toMatch(/bucket photos: (200|409)/)
      const nowhere = { ...environment, S3_ENDPOINT: `http://127.0.0.1:${await freePort()}` }
      await expect(run(program!, script, { env: nowhere })).rejects.toThrow()
    } finally {
      await server.close()
    }
  })

  test('Prometheus scrapes the port on which workers serve, Grafana finds its data source and dashboards', () => {
    const { scrape_configs } = parse(readFileSync('infra/prometheus/prometheus.yaml', 'utf8'))
    const [{ names, port }] = scrape_configs[0].dns_sd_configs
    expect(names).toEqual(['worker'])
    expect(readFileSync('infra/images/worker-cpu.Dockerfile', 'utf8')).toContain(`METRICS_PORT=${port}`)

    // Every other job is a service, and so is what versitygw sends its counts to.
    for (const { job_name, static_configs } of scrape_configs.slice(1))
      for (const target of static_configs[0].targets) expect(services, job_name).toHaveProperty(target.split(':')[0])
    expect(services).toHaveProperty(services.s3!.environment!.VGW_METRICS_STATSD_SERVERS!.split(':')[0]!)
    for (const file of ['prometheus.yaml', 'rules.yaml'])
      expect(services.prometheus!.volumes).toContain(`./prometheus/${file}:/etc/prometheus/${file}:ro`)

    const read = (path: string) => parse(readFileSync(join('infra/grafana/provisioning', path), 'utf8'))
    const { datasources } = read('datasources/prometheus.yaml')
    const { providers } = read('dashboards/dashboards.yaml')
    const dashboard = JSON.parse(readFileSync('infra/grafana/dashboards/unsplash-clip.json', 'utf8'))
    const uids = dashboard.panels.map((panel: { datasource: { uid: string } }) => panel.datasource.uid)
    expect(new Set(uids)).toEqual(new Set([datasources[0].uid]))
    // The collector listens where the example tells the application to send to.
    const { receivers, exporters } = parse(readFileSync('infra/otel/collector.yaml', 'utf8'))
    const [, otlpPort] = /^#OTEL_EXPORTER_OTLP_ENDPOINT=http:\/\/collector:(\d+)$/m.exec(readFileSync(EXAMPLE, 'utf8'))!
    expect(receivers.otlp.protocols.http.endpoint).toBe(`0.0.0.0:${otlpPort}`)
    expect(services).toHaveProperty(new URL(exporters.otlphttp.endpoint).hostname)
    expect(services.grafana!.volumes).toContain(`./grafana/dashboards:${providers[0].options.path}:ro`)
  })
})
