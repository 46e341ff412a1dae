import type { PhotoColumn } from '../../domain/photo.js'
import type {
  AskedQuery,
  DrawnQueries,
  DrawOptions,
  EvaluationRepository,
  RankedAnswer,
  RankingOptions,
  WordOptions,
} from '../../domain/ports/analysis/evaluations.js'
import type { ModelId } from '../../domain/ports/repository.js'
import type { Database, Session } from '../connection.js'
import { TRY_SETTING, triedSetting } from '../indexes/tried-setting.js'
import { COLUMN_NAMES, storable } from '../ingest/photo-rows.js'
import { fromVectorText, toVectorText } from '../vector.js'

/** Photos that every model has embedded: photo_id. $1: ids of models. */
const EMBEDDED = `
  select photo_id from embeddings where model_id = any ($1::integer[])
   group by photo_id having count(*) = cardinality($1::integer[])`
/** The same for one photo, by the keys of embeddings. */
const isEmbedded = (photo: string): string =>
  `(select count(*) from embeddings e where e.model_id = any ($1::integer[]) and e.photo_id = ${photo}) = cardinality($1::integer[])`

/** Longest prompt; see normal_prompt. */
const USABLE = `query ~ '\\S' and octet_length(query) <= 2000`

/** Of `counted (query, relevant)`. $2: least relevant photos; $3: most queries; $4: seed. */
const DRAW = `
  select count(*) as total,
         count(*) filter (where not (${USABLE})) as unusable,
         count(*) filter (where ${USABLE} and relevant < $2) as "tooFewRelevant",
         array(select query from counted where ${USABLE} and relevant >= $2
                order by md5($4::text || ':' || query) collate "C", query limit $3) as queries
    from counted`

const DRAW_CONVERSIONS = `
  with embedded as materialized (${EMBEDDED}
  ), counted as materialized (
    select c.keyword as query, count(distinct e.photo_id) as relevant
      from photo_conversions c left join embedded e on e.photo_id = c.photo_id
     where c.keyword is not null group by c.keyword
  ) ${DRAW}`

const CONVERTED = `
  select distinct c.photo_id as id from photo_conversions c where c.keyword = $2 and ${isEmbedded('c.photo_id')}`

/** Longer texts are cut, as for hybrid search; see photo_words. */
const textOf = (columns: readonly PhotoColumn[]): string =>
  `left(concat_ws(' . ', ${columns.map(column => `p.${column}`).join(', ')}), 20000)`

/**
 * A word stands for all forms with its stem, and is written in the most frequent one. Token types 1 and 2 are words;
 * parts of words with hyphens are none. $5: largest share of the photos with a text.
 */
const drawWords = (columns: readonly PhotoColumn[]): string => `
  with embedded as materialized (${EMBEDDED}
  ), texts as materialized (
    select p.photo_id, ${textOf(columns)} as text from photos p join embedded using (photo_id)
     where ${textOf(columns)} <> ''
  ), forms as (
    select form, count(*) as photos
      from (select distinct photo_id, lower(token) as form from texts, ts_parse('default', text) where tokid in (1, 2)) as each
     group by form
  ), stems as materialized (
    select (array_agg(form order by photos desc, form))[1] as query, stem
      from (select form, photos, tsvector_to_array(to_tsvector(text_configuration(), form)) as stem
              from forms where length(form) > 2) as stemmed
     where cardinality(stem) = 1 group by stem
  ), lexemes as (
    select lexeme, count(*) as relevant
      from texts, lateral unnest(tsvector_to_array(to_tsvector(text_configuration(), text))) as lexeme group by lexeme
  ), counted as materialized (
    select query, relevant from stems join lexemes on stem = array[lexeme]
     where relevant <= $5::double precision * (select count(*) from texts)
  ) ${DRAW}`

/** The columns of which photo_texts has all words. */
const WITH_WORDS: ReadonlySet<PhotoColumn> = new Set([
  'photo_title',
  'photo_description',
  'ai_description',
  'ai_primary_landmark_name',
  'photo_location_name',
  'photo_location_city',
  'photo_location_country',
])

/**
 * The index of photo_texts finds the photos that may match. It knows the words of all columns, so it would leave out
 * photos where a query rules a word out.
 */
function photosWithWords(columns: readonly PhotoColumn[], query: string): string {
  const byIndex = columns.every(column => WITH_WORDS.has(column)) && !/(^|\s)-/.test(query)
  return `
    select p.photo_id as id
      from text_query($2) as q ${byIndex ? 'join photo_texts t on t.words @@ q join photos p on p.photo_id = t.photo_id' : 'cross join photos p'}
     where to_tsvector(text_configuration(), ${textOf(columns)}) @@ q and ${isEmbedded('p.photo_id')}`
}

const EMBEDDED_AMONG = `select id from unnest($2::text[]) as given (id) where ${isEmbedded('given.id')}`

const COUNT_EACH = `
  select (select count(*) from embeddings e where e.model_id = wanted.id) as photos
    from unnest($1::integer[]) with ordinality as wanted (id, place) order by place`
const COUNT_ALL = `select count(*) as photos from (${EMBEDDED}) as embedded`

const STORED = `
  select stored_prompt($1, normal_prompt(prompt))::text as vector
    from unnest($2::text[]) with ordinality as wanted (prompt, place) order by place`

/** $1 to $4: the model, the vector, k, the weight of the correction. */
const BY_VECTOR = `
  select photo_id as id
    from search_embeddings($1, $2::vector, $3, 0, '[]', '[]', kind => 'text', correction_weight => $4) order by rank`
/** $5 to $8: the words, the weights of meaning and words, the depth. */
const HYBRID = `
  select photo_id as id
    from search_hybrid($5, $3, 0, model => $1::integer::text, query => $2::vector, kind => 'text',
                       vector_weight => $6, text_weight => $7, depth => $8, correction_weight => $4) order by rank`

interface DrawnRow extends DrawnQueries, Record<string, unknown> {}

/** EvaluationRepository on Postgres. */
export class PostgresEvaluationRepository implements EvaluationRepository {
  constructor(private readonly database: Database) {}

  drawConversions({ modelIds, leastRelevant, most, seed }: DrawOptions): Promise<DrawnQueries> {
    return this.#draw(DRAW_CONVERSIONS, [modelIds, leastRelevant, most, seed])
  }

  convertedPhotos(modelIds: readonly ModelId[], query: string): Promise<string[]> {
    return this.#ids(CONVERTED, [modelIds, storable(query)])
  }

  drawWords({ modelIds, columns, leastRelevant, most, seed, mostShare }: WordOptions): Promise<DrawnQueries> {
    return this.#draw(drawWords(known(columns)), [modelIds, leastRelevant, most, seed, mostShare])
  }

  photosWithWords(modelIds: readonly ModelId[], columns: readonly PhotoColumn[], query: string): Promise<string[]> {
    return this.#ids(photosWithWords(known(columns), query), [modelIds, storable(query)])
  }

  embeddedAmong(modelIds: readonly ModelId[], photoIds: readonly string[]): Promise<string[]> {
    return this.#ids(EMBEDDED_AMONG, [modelIds, photoIds])
  }

  async countEmbedded(modelIds: readonly ModelId[]): Promise<{ each: number[]; all: number }> {
    const each = await this.database.query<{ photos: number }>(COUNT_EACH, [modelIds])
    const [all] = await this.database.query<{ photos: number }>(COUNT_ALL, [modelIds])
    return { each: each.map(({ photos }) => photos), all: all!.photos }
  }

  async storedVectors(modelId: ModelId, texts: readonly string[]): Promise<(Float32Array | null)[]> {
    const rows = await this.database.query<{ vector: string | null }>(STORED, [modelId, texts.map(storable)])
    return rows.map(({ vector }) => (vector === null ? null : fromVectorText(vector)))
  }

  rank(modelId: ModelId, queries: readonly AskedQuery[], options: RankingOptions): Promise<RankedAnswer[]> {
    const { k, setting, hybrid, correctionWeight = null } = options
    return this.#reading(async session => {
      if (setting !== undefined) await session.query(TRY_SETTING, [triedSetting(setting)])
      const answers: RankedAnswer[] = []
      for (const { text, vector } of queries) {
        const values = [modelId, toVectorText(vector), k, correctionWeight]
        const from = performance.now()
        const rows = hybrid
          ? await session.query<{ id: string }>(HYBRID, [
              ...values,
              storable(text),
              hybrid.vectorWeight,
              hybrid.textWeight,
              hybrid.depth,
            ])
          : await session.query<{ id: string }>(BY_VECTOR, values)
        answers.push({ photoIds: rows.map(({ id }) => id), ms: performance.now() - from })
      }
      return answers
    })
  }

  async #draw(sql: string, values: readonly unknown[]): Promise<DrawnQueries> {
    const [row] = await this.#reading(session => session.query<DrawnRow>(sql, values), { unlimited: true })
    return row!
  }

  async #ids(sql: string, values: readonly unknown[]): Promise<string[]> {
    const rows = await this.#reading(session => session.query<{ id: string }>(sql, values), { unlimited: true })
    return rows.map(({ id }) => id)
  }

  /** Runs statements that may only read, whatever they call. */
  #reading<T>(work: (session: Session) => Promise<T>, options: { unlimited?: boolean } = {}): Promise<T> {
    return this.database.transaction(
      async session => {
        await session.query('set transaction read only')
        return work(session)
      },
      { ...options, rollBack: true },
    )
  }
}

/** Names of columns become part of statements: only those of the list. */
function known(columns: readonly PhotoColumn[]): PhotoColumn[] {
  const names = COLUMN_NAMES.filter(name => columns.includes(name))
  if (names.length === 0) throw new RangeError(`expected columns of photos, found ${columns.join(', ')}`)
  return names
}
