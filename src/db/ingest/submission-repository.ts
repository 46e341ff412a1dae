import type { Database } from '../connection.js'

const FORGET = `delete from submissions where created_at < now() - interval '1 day'`
// The update changes nothing, but returns the row that is there.
const CLAIM = `
  insert into submissions (key, digest, run_id) values ($1, $2, $3)
  on conflict (key) do update set key = excluded.key
  returning digest, run_id as "runId", answer`
const COMPLETE = 'update submissions set answer = $2 where key = $1'

export interface Claimed {
  digest: Buffer
  runId: string
  /** Null: not everything was enqueued. */
  answer: object | null
}

/** Submissions over HTTP of the last day, by the key of each. */
export class PostgresSubmissionRepository {
  constructor(private readonly database: Database) {}

  /** Records a submission. @returns it, or the earlier one with the same key */
  claim(key: Buffer, digest: Buffer, runId: string): Promise<Claimed> {
    return this.database.transaction(async session => {
      await session.query(FORGET)
      const [row] = await session.query<Claimed & Record<string, unknown>>(CLAIM, [key, digest, runId])
      return row!
    })
  }

  async complete(key: Buffer, answer: object): Promise<void> {
    await this.database.query(COMPLETE, [key, JSON.stringify(answer)])
  }
}
