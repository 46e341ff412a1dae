import { availableParallelism, totalmem } from 'node:os'
import { AppError } from '../domain/errors.js'
import { buildMemory, describeShape, fittingLists, type IndexShape } from '../domain/indexes/index-plan.js'
import type { BuildResources, IndexFacts } from '../domain/ports/index-repository.js'
import { formatBytes, formatCount, formatQuantity } from '../domain/text/format.js'
import { MEBIBYTE } from '../domain/units.js'

/** Share of the machine's free memory for a build. The rest keeps pages of the database. */
const SHARE_OF_FREE = 0.5
/** WebAssembly never gives memory back, and has 4 GB at most. */
const EMBEDDED_MEMORY = 256 * MEBIBYTE
const LEAST_MEMORY = 32 * MEBIBYTE
/** Margin for costs that the formula leaves out. */
const MARGIN = 1.1
const MARGIN_BYTES = 16 * MEBIBYTE
/** Postgres's default, for servers with an unknown number of cores. */
const WORKERS_ELSEWHERE = 2

/** Where the database is. */
export interface DatabasePlace {
  embedded: boolean
  /** Connection string; undefined for the embedded server. */
  url: string | undefined
}

/** Limits of a build that the user sets: bytes of memory, and Postgres workers beside the leader. */
export interface WantedResources {
  memory?: number
  parallelWorkers?: number
}

export interface ResourcePlan {
  /** As wanted, with fewer lists where their k-means would not fit; not where the lists were asked for. */
  shape: IndexShape
  resources: BuildResources
  /** What it takes, what was found, what is set: for people, a sentence or two each. */
  explanation: string[]
}

/**
 * Plans memory and parallel workers of a build, from the data and the machine.
 * @param wanted.isFixed the user set the number of lists
 * @throws AppError USAGE when the k-means of a fixed number of lists does not fit into memory
 */
export function planResources(
  place: DatabasePlace,
  facts: IndexFacts,
  wanted: { shape: IndexShape; isFixed: boolean } & WantedResources,
): ResourcePlan {
  const { photos, dimension } = facts
  const machine = inspectServer(place, facts)
  const limit = wanted.memory ?? machine.memory
  const shape = fitting(wanted, limit, facts)
  const need = buildMemory(shape, photos, dimension)
  const memory = wanted.memory ?? Math.min(limit, Math.max(facts.maintenanceWorkMem, need * MARGIN + MARGIN_BYTES))
  const workers = place.embedded ? 0 : Math.min(wanted.parallelWorkers ?? machine.workers, facts.maxParallelWorkers)
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
      `${describeShape(shape)} over ${formatQuantity(photos, 'photo')} of ${formatCount(dimension)} numbers: the build takes about ${formatBytes(need)} of memory${fewer}.`,
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

function inspectServer(
  { embedded, url }: DatabasePlace,
  { maintenanceWorkMem, sharedBuffers }: IndexFacts,
): { memory: number; workers: number; found: string } {
  if (embedded)
    return {
      memory: EMBEDDED_MEMORY,
      workers: 0,
      found: `The embedded server has one process, which never releases memory: it uses at most ${formatBytes(EMBEDDED_MEMORY)}.`,
    }
  if (!isOnThisMachine(url!)) {
    const memory = Math.max(LEAST_MEMORY, maintenanceWorkMem, sharedBuffers)
    return {
      memory,
      workers: WORKERS_ELSEWHERE,
      found: `The server is another machine with an unknown amount of memory. The build uses at most the larger of maintenance_work_mem (${formatBytes(maintenanceWorkMem)}) and shared_buffers (${formatBytes(sharedBuffers)}). If it has more, set --memory.`,
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

/**
 * Returns whether the server is on this machine: a socket or loopback. It may be a container with its own memory limit.
 */
export function isOnThisMachine(url: string): boolean {
  if (!URL.canParse(url)) return false
  const { hostname, searchParams } = new URL(url)
  const host = searchParams.get('host') ?? decodeURIComponent(hostname)
  return host === '' || host.startsWith('/') || host === 'localhost' || host === '[::1]' || /^127\./.test(host)
}
