import type { ModelIdentity } from '../../domain/model.js'
import type { PromptAnswer, PromptRequest, PromptRequests } from '../../domain/ports/prompts.js'
import { closeWithoutWaiting, type Database } from '../connection.js'
import { storable } from '../ingest/photo-rows.js'
import { isPooled } from '../pooler.js'
import { toVectorText } from '../vector.js'

const CHANNEL = 'unsplash_clip_prompts'

/** A claim older than a minute belongs to a dead worker: embedding takes milliseconds, behind a batch seconds. */
const CLAIM = `
  with open as materialized (
    select r.id from prompt_requests r join models m on m.id = r.model_id
     where m.name = $1 and m.precision = $2 and m.revision = $3 and r.answered_at is null
       and (r.claimed_at is null or r.claimed_at < now() - interval '1 minute')
     order by r.id limit $4 for update of r skip locked
  )
  update prompt_requests r set claimed_at = now() from open where r.id = open.id returning r.id, r.prompt`

const RELEASE = 'update prompt_requests set claimed_at = null where id = any ($1::bigint[]) and answered_at is null'

const ANSWER = `
  with answer as (
    select * from unnest($1::bigint[], $2::text[], $3::text[]) as given (id, vector_text, problem)
  ), answered as (
    update prompt_requests r set answered_at = now(), problem = answer.problem
      from answer where r.id = answer.id and r.answered_at is null
    returning r.model_id, r.prompt, answer.vector_text
  )
  insert into prompt_embeddings (model_id, prompt, embedding)
  select model_id, prompt, vector_text::vector from answered where vector_text is not null
  on conflict (model_id, prompt) do nothing`

const FORGET = `delete from prompt_requests where requested_at < now() - interval '1 day'`

/** PromptRequests on Postgres: the table `prompt_requests`, and notifications of new rows. */
export class PostgresPromptRequests implements PromptRequests {
  /** @param database with at least two connections: one of them listens permanently */
  constructor(private readonly database: Database) {}

  async claim({ name, precision, revision }: ModelIdentity, limit: number): Promise<PromptRequest[]> {
    const rows = await this.database.query<PromptRequest & Record<string, unknown>>(CLAIM, [
      name,
      precision,
      revision,
      limit,
    ])
    return rows.sort((a, b) => a.id - b.id)
  }

  async answer(answers: readonly PromptAnswer[]): Promise<void> {
    await this.database.query(ANSWER, [
      answers.map(({ id }) => id),
      answers.map(answer => ('embedding' in answer ? toVectorText(answer.embedding) : null)),
      answers.map(answer => ('problem' in answer ? storable(answer.problem) : null)),
    ])
    await this.database.query(FORGET)
  }

  async release(ids: readonly number[]): Promise<void> {
    await this.database.query(RELEASE, [ids])
  }

  async listen(onRequest: () => void, onLost: () => void): Promise<(() => void) | null> {
    const [server] = await this.database.query<{ shared: boolean }>('select clients_share_session() as shared')
    if (server!.shared) return null
    const client = await this.database.pool.connect()
    if (await isPooled(client).catch(() => true)) {
      client.release(true)
      return null
    }
    let ended = false
    // Closed instead of given back: the pool must not hand out a connection that listens.
    const end = (because?: 'lost') => {
      if (ended) return
      ended = true
      closeWithoutWaiting(client)
      if (because === 'lost') onLost()
    }
    client.on('notification', onRequest)
    client.on('error', () => end('lost'))
    client.on('end', () => end('lost'))
    try {
      await client.query(`listen ${CHANNEL}`)
    } catch (error) {
      end()
      throw error
    }
    return () => end()
  }
}
