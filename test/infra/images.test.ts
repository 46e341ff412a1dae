import { existsSync, readFileSync } from 'node:fs'
import { validate } from 'dockerfile-utils'
import { describe, expect, test } from 'vitest'
import { expectCommand, MAIN, unknownVariables } from './entry-point.js'

interface Instruction {
  keyword: string
  text: string
}

function instructionsOf(dockerfile: string): Instruction[] {
  const lines = dockerfile.split('\n').filter(line => !line.startsWith('#'))
  return [
    ...lines
      .join('\n')
      .replaceAll(/\\\n/g, ' ')
      .matchAll(/^([A-Z]+)\s+(.*)$/gm),
  ].map(([, keyword, text]) => ({
    keyword: keyword!,
    text: text!.replaceAll(/\s+/g, ' '),
  }))
}

function image(name: string) {
  const text = readFileSync(`infra/images/${name}.Dockerfile`, 'utf8')
  const instructions = instructionsOf(text)
  const all = (keyword: string) => instructions.filter(found => found.keyword === keyword).map(found => found.text)
  /** Of the image that comes out. */
  const last = (keyword: string): string => {
    const from = instructions.findLastIndex(found => found.keyword === 'FROM')
    return instructions.slice(from).find(found => found.keyword === keyword)?.text ?? `no ${keyword}`
  }
  return { text, all, last }
}

describe.each(['worker-cpu', 'worker-cuda', 'bench-cuda'])('infra/images/%s.Dockerfile', name => {
  const { text, all } = image(name)

  test('has nothing that a linter complains of', () => {
    expect(validate(text)).toEqual([])
  })

  test('is built from images that are pinned', () => {
    const froms = all('FROM').map(from => from.split(' AS '))
    const stages = froms.map(([, stage]) => stage)
    for (const [image] of froms.filter(([image]) => !stages.includes(image))) expect(image).toMatch(/:\d+\.\d+\.\d+-/)
  })

  test('copies files that exist and that .dockerignore lets into the build', () => {
    const ignored = readFileSync('.dockerignore', 'utf8').split('\n')
    const sources = all('COPY')
      .filter(copy => !copy.startsWith('--from'))
      .flatMap(copy => copy.split(' ').slice(0, -1))
    expect(sources).toContain('migrations')
    for (const source of sources) {
      expect(existsSync(source), source).toBe(true)
      expect(ignored).toContain(`!${source}`)
    }
  })
})

describe.each(['worker-cpu', 'worker-cuda'])('the image of infra/images/%s.Dockerfile', name => {
  const { last } = image(name)

  test('starts a worker, as somebody who is not root', async () => {
    expect(last('USER')).toBe('1000:1000')
    expect(JSON.parse(last('ENTRYPOINT'))).toEqual(['node', '--initial-old-space-size=128', `/app/${MAIN}`])
    const command: string[] = JSON.parse(last('CMD'))
    expect(command[0]).toBe('worker')
    await expectCommand(command)
  })

  test('asks a worker for its health with a command that exists', async () => {
    const [, check = ''] = last('HEALTHCHECK').split(' CMD ')
    const [program, main, ...command] = JSON.parse(check)
    expect([program, main]).toEqual(['node', `/app/${MAIN}`])
    await expectCommand(command)
  })

  test('sets variables that the application reads', () => {
    const variables = new Map([...last('ENV').matchAll(/([A-Z_]+)=(\S+)/g)].map(([, key, value]) => [key!, value!]))
    expect(unknownVariables(variables.keys())).toEqual([])
    expect(last('EXPOSE')).toBe(variables.get('METRICS_PORT'))
  })
})

describe('the image of infra/images/bench-cuda.Dockerfile', () => {
  const { text, all, last } = image('bench-cuda')
  const worker = image('worker-cuda')

  test('runs the benchmark, with options of the command line behind it', () => {
    const [program, script] = JSON.parse(last('ENTRYPOINT'))
    expect(program).toBe('bash')
    expect(all('COPY')).toContain('bench bench')
    expect(existsSync(script)).toBe(true)
  })

  test('has Node, CUDA and the provider of workers', () => {
    const from = (some: string[]) => some.map(one => one.split(' AS ')[0])
    expect(new Set(from(all('FROM')))).toEqual(new Set(from(worker.all('FROM')).filter(one => one !== 'base')))
    const installs = /ONNXRUNTIME_NODE_INSTALL=.*$/m
    expect(installs.exec(text)![0]).toBe(installs.exec(worker.text)![0])
  })

  test('has the servers that the benchmark starts', () => {
    const packages = all('RUN').join(' ')
    for (const server of [/ redis-server /, / postgresql-(\d+) postgresql-\1-pgvector /])
      expect(packages).toMatch(server)
  })
})
