import { BaseAdapter } from '@bull-board/api/dist/queueAdapters/base.js'
import type { JobCounts, JobStatus, QueueJob, QueueJobJson, QueueMetrics, Status } from '@bull-board/api/typings/app'
import type { Batch } from '../../domain/ports/queue.js'
import { redact } from '../../domain/text/redact.js'
import type { BoardQueue } from '../parts.js'

const STATUSES = ['active', 'waiting', 'prioritized', 'delayed', 'failed', 'paused'] as const

/**
 * Shows batches in bull-board. It only reads: runs are paused, cancelled and tried again by the API, which records it; a job
 * that is removed or moved here would be one that Postgres does not know about.
 */
export class BoardAdapter extends BaseAdapter {
  constructor(private readonly queue: BoardQueue) {
    super('bullmq', {
      readOnlyMode: true,
      allowRetries: false,
      description: 'Batches of photos. Read-only: pause, cancel and retry runs in the view Runs.',
      externalJobUrl: ({ data }: QueueJobJson) => {
        const { runId } = data as Batch
        return { displayText: `Run ${runId} and its failures`, href: `/runs/${encodeURIComponent(runId)}` }
      },
    })
    this.setFormatter(
      'name',
      ({ data }: QueueJobJson) => `${(data as Batch).photos.length} photos of ${(data as Batch).runId}`,
    )
    // Signatures of URLs, and passwords in them.
    this.setFormatter('data', data => JSON.parse(redact(JSON.stringify(data))))
  }

  getName(): string {
    return this.queue.name
  }

  getRedisInfo(): Promise<string> {
    return this.queue.info()
  }

  getJob(id: string): Promise<QueueJob | undefined> {
    return this.queue.job(id) as Promise<QueueJob | undefined>
  }

  getJobs(statuses: JobStatus[], start?: number, end?: number): Promise<QueueJob[]> {
    return this.queue.jobs(statuses, start, end) as Promise<QueueJob[]>
  }

  getJobCounts(): Promise<JobCounts> {
    return this.queue.counts() as Promise<JobCounts>
  }

  getStatuses(): Status[] {
    return ['latest', ...STATUSES]
  }

  getJobStatuses(): JobStatus[] {
    return [...STATUSES]
  }

  async getJobLogs(): Promise<string[]> {
    return []
  }

  isPaused(): Promise<boolean> {
    return this.queue.isPaused()
  }

  async getMetrics(): Promise<QueueMetrics> {
    return { meta: { count: 0, prevTS: 0, prevCount: 0 }, data: [], count: 0 }
  }

  async getGlobalConcurrency(): Promise<number | null> {
    return null
  }

  addJob = readOnly
  obliterate = readOnly
  removeJobScheduler = readOnly
  setGlobalConcurrency = readOnly
  clean = readOnly
  pause = readOnly
  resume = readOnly
  empty = readOnly
  promoteAll = readOnly
}

function readOnly(): Promise<never> {
  return Promise.reject(new Error('The board only reads.'))
}
