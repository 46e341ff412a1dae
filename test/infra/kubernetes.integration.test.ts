import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { SOME_FAILED } from '../../src/cli/exit-codes.js'
import { COMMAND_FAILURES } from '../../src/domain/errors.js'
import { embeddedServer, type TestServer } from '../support/servers/postgres.js'
import { expectCommand, unknownVariables } from './entry-point.js'

const run = promisify(execFile)
const ROOT = 'infra/kubernetes'

interface Manifest {
  apiVersion: string
  kind: string
  metadata: { name: string; namespace?: string; labels?: Record<string, string> }
  // biome-ignore lint/suspicious/noExplicitAny: its shape is what the test is about
  spec?: any
  data?: Record<string, string>
  stringData?: Record<string, string>
}

const kustomizations = ['base', 'cuda', 'prometheus-operator']
const files = readdirSync(ROOT, { recursive: true, encoding: 'utf8' }).filter(
  file => file.endsWith('.yaml') && !file.endsWith('kustomization.yaml'),
)
const manifests = new Map<string, Manifest[]>(
  files.map(file => [
    file,
    parseAllDocuments(readFileSync(join(ROOT, file), 'utf8'), { merge: true }).map(document => document.toJS()),
  ]),
)
const all = [...manifests.values()].flat()
const ofKind = (kind: string) => all.filter(manifest => manifest.kind === kind)
const workloads = [...ofKind('Deployment'), ...ofKind('Job')]
/** Without the exporter. */
const workers = ofKind('Deployment').filter(({ metadata }) => metadata.name.startsWith('worker'))
const containersOf = ({ spec }: Manifest) => [
  ...(spec.template.spec.initContainers ?? []),
  ...spec.template.spec.containers,
]

/** Where the types and validators of an API are, made from the schemas of Kubernetes 1.27, KEDA 2 and the operator. */
function schemaModule(apiVersion: string): string {
  if (apiVersion.startsWith('keda.sh/')) return `@kubernetes-models/keda/${apiVersion}`
  if (apiVersion.startsWith('monitoring.coreos.com/')) return `@kubernetes-models/prometheus-operator/${apiVersion}`
  return `kubernetes-models/${apiVersion}`
}

/** Checks manifests as literals of their types: unlike a validator this finds names that the schema does not have. */
async function typeCheck(checked: [file: string, manifest: unknown][]): Promise<string> {
  // Below the project, so that its packages are found.
  const parent = resolve('node_modules/.cache/unsplash-clip')
  await mkdir(parent, { recursive: true })
  const folder = await mkdtemp(join(parent, 'manifests-'))
  try {
    const source = checked.map(([file, manifest], index) => {
      const { apiVersion, kind } = manifest as Manifest
      return [
        `// ${file}`,
        `import type { I${kind} as I${index} } from '${schemaModule(apiVersion)}'`,
        `export const m${index}: I${index} = ${JSON.stringify(manifest)}`,
      ].join('\n')
    })
    await writeFile(join(folder, 'manifests.ts'), source.join('\n'))
    const options = ['--ignoreConfig', '--noEmit', '--strict', '--skipLibCheck', '--target', 'es2022', '--types', '']
    const modules = ['--module', 'esnext', '--moduleResolution', 'bundler']
    const compiler = resolve('node_modules/typescript/bin/tsc')
    return await run(process.execPath, [compiler, ...options, ...modules, join(folder, 'manifests.ts')]).then(
      () => '',
      error => String(error.stdout || error.message),
    )
  } finally {
    await rm(folder, { recursive: true })
  }
}

describe('the manifests of Kubernetes', () => {
  const named = files.flatMap(file => manifests.get(file)!.map(manifest => [file, manifest] as const))

  test.each(named)('%s is valid', async (_file, manifest) => {
    const models = await import(schemaModule(manifest.apiVersion))
    new models[manifest.kind](manifest).validate()
  })

  test('have no field that their schemas do not know', async () => {
    expect(await typeCheck(named.map(([file, manifest]) => [file, manifest]))).toBe('')

    const misspelt = structuredClone(workloads[0]!)
    misspelt.spec.template.spec.containers[0].readinesProbe = { httpGet: { path: '/readyz', port: 1 } }
    expect(await typeCheck([['misspelt', misspelt]])).toContain('readinesProbe')
  })

  test.each(kustomizations)('%s lists files that exist, and all of its own', folder => {
    const [kustomization] = parseAllDocuments(readFileSync(join(ROOT, folder, 'kustomization.yaml'), 'utf8'))
    const { resources } = kustomization!.toJS() as { resources: string[] }
    for (const resource of resources) expect(existsSync(join(ROOT, folder, resource)), resource).toBe(true)
    const own = files.filter(file => file.startsWith(`${folder}/`) && !file.endsWith('.example.yaml'))
    expect(resources).toEqual(expect.arrayContaining(own.map(file => file.slice(folder.length + 1))))
  })

  test('start commands that exist with settings that exist', async () => {
    const settings = ofKind('ConfigMap')
      .filter(({ metadata }) => metadata.name === 'settings')
      .flatMap(({ data }) => Object.keys(data!))
    expect(unknownVariables(settings)).toEqual([])
    for (const workload of workloads)
      for (const { image, args, env = [] } of containersOf(workload)) {
        if (!image.includes('unsplash-clip')) continue
        await expectCommand(args)
        expect(unknownVariables(env.map((variable: { name: string }) => variable.name))).toEqual([])
      }
  })

  test('ask for secrets and settings that there are', () => {
    const [secret] = ofKind('Secret')
    const settings = ofKind('ConfigMap').find(({ metadata }) => metadata.name === 'settings')
    const keys = Object.keys(secret!.stringData!)
    for (const workload of workloads)
      for (const { env, envFrom } of containersOf(workload)) {
        for (const { configMapRef } of envFrom ?? []) expect(configMapRef.name).toBe(settings!.metadata.name)
        for (const { valueFrom } of env)
          if (valueFrom) {
            expect(valueFrom.secretKeyRef.name).toBe(secret!.metadata.name)
            expect(keys).toContain(valueFrom.secretKeyRef.key)
          }
      }
    for (const { spec } of ofKind('TriggerAuthentication'))
      for (const { name, key } of spec.secretTargetRef) {
        expect(name).toBe(secret!.metadata.name)
        expect(keys).toContain(key)
      }
    // Nobody is to take them for real ones.
    for (const value of Object.values(secret!.stringData!)) expect(value).toContain('CHANGE_ME')
  })

  test('confine every container: not root, no way to more rights, a file system that cannot be written', () => {
    for (const workload of workloads) {
      const { securityContext, automountServiceAccountToken } = workload.spec.template.spec
      expect(securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } })
      expect(automountServiceAccountToken).toBe(false)
      for (const container of containersOf(workload)) {
        expect(container.securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        })
        expect(container.resources).toMatchObject({
          requests: { cpu: expect.anything(), memory: expect.anything() },
          limits: { memory: expect.anything() },
        })
      }
    }
  })

  test('mount volumes that there are', () => {
    for (const workload of workloads) {
      const volumes = (workload.spec.template.spec.volumes ?? []).map((volume: { name: string }) => volume.name)
      for (const { volumeMounts = [] } of containersOf(workload))
        for (const { name } of volumeMounts) expect(volumes).toContain(name)
    }
  })

  test('select pods that there are, by labels that they have', () => {
    const labels = workloads.map(workload => workload.spec.template.metadata.labels as Record<string, string>)
    const selected = (matchLabels: Record<string, string>) =>
      labels.filter(own => Object.entries(matchLabels).every(([key, value]) => own[key] === value))
    for (const { spec } of ofKind('Deployment')) expect(selected(spec.selector.matchLabels)).toHaveLength(1)
    for (const kind of ['PodDisruptionBudget', 'PodMonitor'])
      for (const { spec } of ofKind(kind)) expect(selected(spec.selector.matchLabels)).not.toEqual([])
    const [policy] = ofKind('NetworkPolicy')
    expect(selected(policy!.spec.podSelector.matchLabels)).toHaveLength(labels.length)
  })

  test('probe and scrape the port on which workers serve', () => {
    for (const worker of workers) {
      const [container] = worker.spec.template.spec.containers
      const [{ name, containerPort }] = container.ports
      expect(container.env).toContainEqual({ name: 'METRICS_PORT', value: String(containerPort) })
      expect(container.env).toContainEqual({ name: 'METRICS_HOST', value: '0.0.0.0' })
      for (const [probe, path] of [
        ['startupProbe', '/healthz'],
        ['livenessProbe', '/healthz'],
        ['readinessProbe', '/readyz'],
      ] as const)
        expect(container[probe].httpGet).toEqual({ path, port: name })
      for (const { spec } of ofKind('PodMonitor')) expect(spec.podMetricsEndpoints[0].port).toBe(name)
      expect(ofKind('NetworkPolicy')[0]!.spec.ingress[0].ports).toContainEqual({ protocol: 'TCP', port: containerPort })
    }
  })

  test('let nobody reach private, link-local and metadata addresses but the services', () => {
    const [policy] = ofKind('NetworkPolicy')
    const [internet] = policy!.spec.egress.filter(({ to }: { to: { ipBlock?: unknown }[] }) => to[0]!.ipBlock)
    const [ipv4, ipv6] = internet.to.map((target: { ipBlock: unknown }) => target.ipBlock)
    expect(ipv4.cidr).toBe('0.0.0.0/0')
    expect(ipv4.except).toEqual(
      expect.arrayContaining(['10.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.168.0.0/16']),
    )
    // Global unicast: loopback, unique local and link-local addresses are outside of it.
    expect(ipv6.cidr).toBe('2000::/3')
    expect(policy!.spec.policyTypes).toEqual(['Ingress', 'Egress'])
  })

  test('start workers on the schema of their version only, and migrate by a Job of a new name each time', () => {
    const [job] = manifests.get('migrate.yaml')!
    expect(job!.metadata).toMatchObject({ generateName: 'migrate-' })
    expect(job!.metadata.name).toBeUndefined()
    for (const { spec } of workers) {
      const [container] = spec.template.spec.containers
      const schema = spec.template.spec.initContainers.find(({ name }: { name: string }) => name === 'schema')
      expect(schema).toMatchObject({ image: container.image, args: ['db', 'status'] })
    }
    const [base] = workers.filter(({ metadata }) => metadata.name === 'worker')
    expect(base!.spec.strategy.rollingUpdate.maxUnavailable).toBe(0)
  })

  test('try a Job again after a crash or an eviction, not after wrong configuration or a run that is done', () => {
    const wrong = COMMAND_FAILURES.CONFIG_INVALID.exitCode
    for (const [file, codes] of [
      ['migrate.yaml', [wrong]],
      ['ingest.yaml', [wrong, SOME_FAILED]],
    ] as const) {
      const { backoffLimit, podFailurePolicy, template } = manifests.get(file)![0]!.spec
      expect(backoffLimit).toBeGreaterThan(0)
      expect(template.spec.restartPolicy).toBe('Never')
      const [fail, ignore] = podFailurePolicy.rules
      const [{ name: containerName }] = template.spec.containers
      expect(fail).toEqual({ action: 'FailJob', onExitCodes: { containerName, operator: 'In', values: codes } })
      expect(ignore.onPodConditions).toEqual([{ type: 'DisruptionTarget', status: 'True' }])
    }
  })

  test('let workers reach DNS, databases, queues, stores and the web, and the exporter be scraped', () => {
    const [{ spec }] = ofKind('NetworkPolicy') as [Manifest]
    const [dns, services, internet] = spec.egress.map(({ ports }: { ports: { protocol: string; port: number }[] }) =>
      ports.map(({ protocol, port }) => `${protocol} ${port}`),
    )
    expect(dns).toEqual(['UDP 53', 'TCP 53'])
    expect(services).toEqual(expect.arrayContaining(['TCP 5432', 'TCP 6379', 'TCP 443', 'TCP 9000', 'TCP 7070']))
    expect(internet).toEqual(['TCP 80', 'TCP 443'])
    const scraped = ofKind('Deployment').map(({ spec }) => spec.template.spec.containers[0].ports[0].containerPort)
    expect(spec.ingress[0].ports.map(({ port }: { port: number }) => port)).toEqual([...new Set(scraped)])
  })

  test('give the exporter of the database the queries of infra/prometheus', () => {
    const [config] = manifests.get('prometheus-operator/database-exporter.yaml')!
    const own = readFileSync('infra/prometheus/postgres-queries.yaml', 'utf8')
    expect(parse(config!.data!['queries.yaml']!)).toEqual(parse(own))
  })

  test('give workers more than the ten seconds in which they end', () => {
    for (const worker of workers)
      expect(worker.spec.template.spec.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(30)
  })
})

describe('the scaling of workers', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await embeddedServer()
  })
  afterAll(() => server.close())

  test('goes to zero and back, of deployments that there are, by a number that Postgres gives', async () => {
    const database = await server.freshDatabase()
    const scaled = ofKind('ScaledObject')
    expect(scaled.map(({ spec }) => spec.scaleTargetRef.name).sort()).toEqual(
      workers.map(({ metadata }) => metadata.name).sort(),
    )
    for (const { spec } of scaled) {
      expect(spec.minReplicaCount).toBe(0)
      for (const trigger of spec.triggers) {
        expect(trigger.type).toBe('postgresql')
        expect(await database.query(trigger.metadata.query)).toEqual([{ count: 0 }])
      }
    }
    // KEDA's number may not be overruled by applying the manifests again.
    for (const { spec } of workers) expect(spec.replicas).toBeUndefined()
  })
})
