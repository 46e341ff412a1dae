// The words of a hybrid search, where a large share of the photos has them, beside a plain statement
//
//   npm run bench -- words --descriptions photos.csv [--photos 1000000] [--words white,mountain] [--repeats 7]
//     [--json] [--out FILE]
//
// --descriptions is a CSV with the columns photo_description and ai_description, like the dataset's photos table: every
// photo gets those of a row that is drawn, so words are as frequent as there. All embeddings are the same one: they do
// not matter here, but their number and size do. The plain statement ranks every photo that has the words and an
// embedding. A Postgres is started for it.
import { readFileSync } from 'node:fs'
import { parse } from 'csv-parse/sync'
import { openDatabase } from '../../dist/db/connection.js'
import { migrate } from '../../dist/db/migrate.js'
import { startPostgres } from '../support/postgres.mjs'
import { median, readOptions, report, round, say, spread } from '../support/report.mjs'

const options = readOptions({
  descriptions: { type: 'string' },
  photos: { type: 'string', default: '1000000' },
  words: { type: 'string', default: 'white,mountain,daytime brown,snow mountain,succulents' },
  repeats: { type: 'string', default: '7' },
})
if (!options.descriptions) throw new Error('Give --descriptions, a CSV with photo_description and ai_description.')
const photos = Number(options.photos)
const DIMENSION = 512
/** exif_iso is uniform from 0 to 99. */
const FILTERS = { none: [], 'one photo in 4': [{ column: 'exif_iso', operator: '<', value: 25 }] }

const PLAIN = `
  select t.photo_id from photo_texts t join embeddings e on e.photo_id = t.photo_id join photos p on p.photo_id = t.photo_id
   where e.model_id = $1::int and t.words @@ text_query($2) and ($3::int is null or p.exif_iso < $3)
   order by ts_rank(t.words, text_query($2)) desc, t.photo_id limit 10`
const WORDS = `
  select photo_id from search_hybrid($2, 10, vector_weight => 0, model => ($1::int)::text, filters => $3::jsonb) order by rank`

const server = await startPostgres()
const database = await openDatabase({ url: server.url, maxConnections: 1 })
try {
  await migrate(database)
  const modelId = await load()
  const rows = []
  for (const words of options.words.split(','))
    for (const [name, filters] of Object.entries(FILTERS)) {
      const [{ share }] = await database.query(
        'select count(*) filter (where words @@ text_query($1))::float8 / count(*) as share from photo_texts',
        [words],
      )
      const most = filters[0]?.value ?? null
      const times = { plain: [], ours: [] }
      for (let i = 0; i < Number(options.repeats); i++) {
        const plain = await timed(times.plain, PLAIN, [modelId, words, most])
        const ours = await timed(times.ours, WORDS, [modelId, words, JSON.stringify(filters)])
        if (plain !== ours) throw new Error(`${words}, ${name}: the answers differ: ${plain} and ${ours}`)
      }
      rows.push({
        words,
        'photos that have them, %': round(100 * share),
        condition: name,
        'plain statement, ms': spread(times.plain),
        'search_hybrid, ms': spread(times.ours),
        ratio: round(median(times.plain) / median(times.ours)),
      })
      say(JSON.stringify(rows.at(-1)))
    }
  report(options, { bench: 'words', settings: { photos }, tables: [{ title: 'Ten best by words', rows }] })
} finally {
  await database.close()
  await server.stop()
}

/** Photos with descriptions of the CSV and embeddings. @returns the model's id */
async function load() {
  const texts = parse(readFileSync(options.descriptions), { columns: true, bom: true })
  say(`loading ${photos} photos`)
  const [{ id }] = await database.query(`select register_model('words', 'fp32', 'bench', $1, 100) as id`, [DIMENSION])
  await database.transaction(async session => {
    await session.query('create temp table texts (place integer primary key, photographer text, ai text)')
    await session.query('insert into texts select * from unnest($1::int[], $2::text[], $3::text[])', [
      texts.map((_, i) => i),
      texts.map(row => row.photo_description || null),
      texts.map(row => row.ai_description || null),
    ])
    await session.query(
      `insert into photos (photo_id, photo_image_url, exif_iso, photo_description, ai_description)
       select 'photo-' || lpad(i::text, 8, '0'), 'https://images.example/' || i, (hashint4(i) & 2147483647) % 100,
              t.photographer, t.ai
         from generate_series(0, $1::int - 1) i join texts t on t.place = (hashint4(i + 7) & 2147483647) % $2`,
      [photos, texts.length],
    )
    await session.query(
      `insert into embeddings (model_id, photo_id, embedding)
       select $1, photo_id, l2_normalize(array_fill(1, array[$2::int])::halfvec) from photos`,
      [id, DIMENSION],
    )
  })
  await database.query('vacuum analyze photos')
  await database.query('vacuum analyze photo_texts')
  await database.query(`vacuum analyze embeddings_m${id}`)
  return id
}

/** Runs a statement and adds its milliseconds. @returns the ids that it found */
async function timed(times, sql, values) {
  const from = performance.now()
  const found = await database.query(sql, values)
  times.push(performance.now() - from)
  return found.map(row => row.photo_id).join()
}
