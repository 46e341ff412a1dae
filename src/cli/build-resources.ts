import { availableParallelism, totalmem } from 'node:os'
import { InvalidArgumentError } from 'commander'
import type { App } from '../compose.js'
import { AppError } from '../domain/errors.js'
import { buildMemory, describeShape, fittingLists, type IndexShape, MEBIBYTE } from '../domain/index-plan.js'
import type { BuildResources, IndexFacts } from '../domain/ports/index-repository.js'
import { formatBytes, formatCount } from './output.js'

/** Of the memory that is free on this machine, for a build: the rest keeps pages of the database. */
const SHARE_OF_FREE = 0.5
/** WebAssembly never gives memory back, and has 4 GB at most. */
const EMBEDDED_MEMORY = 256 * MEBIBYTE
const LEAST_MEMORY = 32 * MEBIBYTE
/** On top of what is computed, for what is not. */
const MARGIN = 1.1
const MARGIN_BYTES = 16 * MEBIBYTE
/** Where the cores of the server are not known: Postgres's own default. */
const WORKERS_ELSEWHERE = 2

/** What `--memory` and `--workers` say. */
export interface WantedResources {
  memory?: number
  workers?: number
}

export interface ResourcePlan {
  /** As wanted, with fewer lists where their k-means would not fit; not where the lists were asked for. */
  shape: IndexShape
  resources: BuildResources
  /** What it takes, what was found, what is set: for people, a sentence or two each. */
  explanation: string[]
}

/**
 * Memory and parallel workers of a build, from the data and the machine.
 * @param isFixed the number of lists was asked for. @throws AppError USAGE when its k-means does not fit
 */
export function planResources(
  app: Pick<App, 'embedded' | 'config'>,
  facts: IndexFacts,
  wanted: { shape: IndexShape; isFixed: boolean } & WantedResources,
): ResourcePlan {
  const { photos, dimension } = facts
  const machine = lookAround(app, facts)
  const limit = wanted.memory ?? machine.memory
  const shape = fitting(wanted, limit, facts)
  const need = buildMemory(shape, photos, dimension)
  const memory = wanted.memory ?? Math.min(limit, Math.max(facts.maintenanceWorkMem, need * MARGIN + MARGIN_BYTES))
  const workers = app.embedded ? 0 : Math.min(wanted.workers ?? machine.workers, facts.maxParallelWorkers)
  const fewer =
    shape.kind !== 'hnsw' && wanted.shape.kind !== 'hnsw' && shape.lists < wanted.shape.lists
      ? ` (${formatCount(wanted.shape.lists)} lists would need ${formatBytes(buildMemory(wanted.shape, photos, dimension))}: --memory)`
      : ''
  const onDisk =
    shape.kind === 'hnsw' && need > memory
      ? ' The graph does not fit: the rest is built on disk, some five times slower.'
      : ''
  return {
    shape,
    resources: { memory, workers },
    explanation: [
      `${describeShape(shape)} over ${formatCount(photos)} photos of ${formatCount(dimension)} numbers: the build takes about ${formatBytes(need)} of memory${fewer}.`,
      `${machine.found} Set for this build: maintenance_work_mem ${formatBytes(memory)}, ${workers === 1 ? '1 parallel worker' : `${workers} parallel workers`}.${onDisk}`,
    ],
  }
}

function fitting(
  { shape, isFixed }: { shape: IndexShape; isFixed: boolean },
  limit: number,
  { photos, dimension }: IndexFacts,
): IndexShape {
  if (shape.kind === 'hnsw') return shape
  const usable = (limit - MARGIN_BYTES) / MARGIN
  const fitting = fittingLists(shape, usable, photos, dimension)
  if (fitting.lists < shape.lists && isFixed)
    throw new AppError(
      'USAGE',
      `k-means of ${formatCount(shape.lists)} lists needs ${formatBytes(buildMemory(shape, photos, dimension))}, and ${formatBytes(limit)} may be used: give more with --memory, or ask for ${formatCount(fitting.lists)} lists or fewer.`,
    )
  return fitting
}

function lookAround(
  { embedded, config }: Pick<App, 'embedded' | 'config'>,
  { maintenanceWorkMem, sharedBuffers }: IndexFacts,
): { memory: number; workers: number; found: string } {
  if (embedded)
    return {
      memory: EMBEDDED_MEMORY,
      workers: 0,
      found: `The embedded server has one process, which keeps what it was ever given: at most ${formatBytes(EMBEDDED_MEMORY)} are used.`,
    }
  if (!isOnThisMachine(config.DATABASE_URL!)) {
    const memory = Math.max(LEAST_MEMORY, maintenanceWorkMem, sharedBuffers)
    return {
      memory,
      workers: WORKERS_ELSEWHERE,
      found: `The server is another machine, whose memory is not known here: no more is used than its settings allow, the larger of maintenance_work_mem (${formatBytes(maintenanceWorkMem)}) and shared_buffers (${formatBytes(sharedBuffers)}). If it has more, say so with --memory.`,
    }
  }
  const free = process.availableMemory()
  const cores = availableParallelism()
  return {
    memory: Math.max(LEAST_MEMORY, free * SHARE_OF_FREE),
    workers: cores - 1,
    found: `The server is taken to have this machine: ${cores === 1 ? '1 core' : `${cores} cores`}, ${formatBytes(free)} of ${formatBytes(Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY))} free, of which half may be used.`,
  }
}

/** Over a socket or loopback; a container with a memory of its own may be behind it, which nobody can see from here. */
export function isOnThisMachine(url: string): boolean {
  if (!URL.canParse(url)) return false
  const { hostname, searchParams } = new URL(url)
  const host = searchParams.get('host') ?? decodeURIComponent(hostname)
  return host === '' || host.startsWith('/') || host === 'localhost' || host === '[::1]' || /^127\./.test(host)
}

/** Parser of an option like `2GB` or `512MB`. @returns bytes */
export function memorySize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(MB|GB)$/i.exec(text)
  const bytes = match ? Number(match[1]) * (match[2]!.toUpperCase() === 'GB' ? 1e9 : 1e6) : 0
  if (bytes < 1e6 || bytes > 1e12) throw new InvalidArgumentError('A size was expected, like 512MB or 2GB.')
  return bytes
}
