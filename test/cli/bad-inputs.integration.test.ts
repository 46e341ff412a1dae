import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ROW_PROBLEMS } from '../../src/producers/input/source.js'
import { Sandbox } from '../support/cli.js'
import { npyFile } from '../support/models/npy-file.js'
import { embeddedServer, type TestServer } from '../support/servers/postgres.js'
import { type ScenePhotos, scenePhotos } from './scene-photos.js'

const matrix = npyFile([
  [1, 0],
  [0, 1],
])
const noVectors = Buffer.from(parquetWriteBuffer({ columnData: [{ name: 'key', data: ['a'], type: 'STRING' }] }))
/** In the working folder of the commands. */
const FILES: Record<string, string | Buffer> = {
  'v.npy': matrix,
  'cut.npy': matrix.subarray(0, matrix.length - 4),
  'cube.npy': npyFile([[1, 0]], { shape: '(1, 1, 2)' }),
  'words.npy': npyFile([[1, 0]], { descr: '|O' }),
  'integers.npy': npyFile([[1, 0]], { descr: '<i4' }),
  'two.txt': 'a\nb\n',
  'three.txt': 'a\nb\nc\n',
  'cut.parquet': noVectors.subarray(0, noVectors.length - 9),
  'no-vectors.parquet': noVectors,
  'no-vectors.csv': 'photo_id,title\na,b\n',
  'empty.csv': '',
  'v.csv': 'photo_id,vector\na,"[1, 0]"\n',
  'archive.npz': 'PK\x03\x04 and more',
  'letter.doc': 'no vectors',
  'cut.tar': Buffer.concat([Buffer.from('a.npy'.padEnd(257, '\0')), Buffer.from('ustar')]),
  'nothing/readme.txt': 'none',
  'alone/v.npy': matrix,
  'retrieval/img_emb/img_emb_0.npy': matrix,
  'board/tensors.tsv': '1\t0\n',
  'a-file': '',
  'full/mine.txt': 'mine',
}
const MODEL = ['--model', 'mine', '--dimension', '2']

type Refused = [what: string, args: string[], exitCode: number, code: string, message: RegExp]

const EXPORT: Refused[] = [
  ['numbers of a type in a text format', ['--dtype', 'float16', '--format', 'csv'], 2, 'USAGE', /--dtype is of binary/],
  ['neighbours in another format', ['--neighbours', '3'], 2, 'USAGE', /need --format atlas/],
  ['an unknown projection', ['--format', 'atlas', '--projection', 'tsne'], 1, 'NOT_FOUND', /expects pca, umap; found/],
  ['an unknown column', ['--columns', 'exif_iso,iso'], 2, 'USAGE', /--columns expects names of columns/],
  ['words and a photo', ['a boat', '--photo', 'red-house'], 2, 'USAGE', /words or --photo ID, found both/],
  ['a number of hits of nothing', ['--count', '5'], 2, 'USAGE', /--count and --min-score need words/],
  ['a condition on no column', ['--where', 'iso>5'], 2, 'FILTER_INVALID', /there is no column "iso"/],
  ['a label of no set', ['--label', 'season=winter'], 2, 'FILTER_INVALID', /there is no label set "season"/],
  ['a list that is not there', ['--photos', 'missing.txt'], 2, 'INPUT_NOT_FOUND', /missing\.txt/],
  ['an unknown photo', ['--photo', 'nobody'], 1, 'NOT_EMBEDDED', /Photo nobody is not embedded/],
  ['a model without embeddings', ['--model', 'clip-vit-b-32'], 1, 'NOT_EMBEDDED', /clip-vit-b-32/],
  ['conditions that no photo meets', ['--where', 'exif_iso>100000'], 1, 'NOT_FOUND', /No photo matches/],
]
const PLACES: Refused[] = [
  ['a file', ['a-file'], 1, 'FILE_FAILED', /a-file/],
  ['a folder with other files', ['full'], 1, 'TARGET_NOT_EMPTY', /found "mine\.txt"/],
  ['another scheme', ['gs://bucket/x'], 2, 'USAGE', /found "gs:\/\/bucket\/x"/],
  ['no name of a bucket', ['s3://b'], 2, 'USAGE', /found "s3:\/\/b"/],
  ['a prefix with escapes', ['s3://bucket/a%20b'], 2, 'USAGE', /Expected a folder or s3:\/\/bucket\/prefix/],
]
const IMPORT: Refused[] = [
  ['a missing file', ['missing.npy', ...MODEL], 2, 'INPUT_NOT_FOUND', /missing\.npy cannot be found/],
  ['vectors without ids', ['v.npy', ...MODEL], 2, 'USAGE', /v\.npy has 2 vectors and no ids/],
  ['more ids than vectors', ['v.npy', '--ids', 'three.txt', ...MODEL], 2, 'INPUT_INVALID', /expected 2 ids.*found 3/],
  [
    'ids of another input',
    ['v.csv', '--ids', 'two.txt', ...MODEL],
    2,
    'USAGE',
    /--ids names the photo ids of one \.npy/,
  ],
  ['a missing file of ids', ['v.npy', '--ids', 'no.txt', ...MODEL], 2, 'INPUT_NOT_FOUND', /no\.txt/],
  ['a matrix that is cut off', ['cut.npy', '--ids', 'two.txt', ...MODEL], 2, 'INPUT_INVALID', /cut short/],
  ['an array of three dimensions', ['cube.npy', '--ids', 'two.txt', ...MODEL], 2, 'INPUT_INVALID', /expected a matrix/],
  ['objects of Python', ['words.npy', '--ids', 'two.txt', ...MODEL], 2, 'INPUT_INVALID', /pickle/],
  ['integers', ['integers.npy', '--ids', 'two.txt', ...MODEL], 2, 'INPUT_INVALID', /type <i4/],
  ['several arrays', ['archive.npz', ...MODEL], 2, 'INPUT_INVALID', /npz/],
  ['Parquet that is cut off', ['cut.parquet', ...MODEL], 2, 'INPUT_INVALID', /cut\.parquet/],
  ['Parquet without vectors', ['no-vectors.parquet', ...MODEL], 2, 'INPUT_COLUMNS_MISSING', /the columns key/],
  ['CSV without vectors', ['no-vectors.csv', ...MODEL], 2, 'INPUT_COLUMNS_MISSING', /found photo_id, title/],
  ['CSV without a header', ['empty.csv', ...MODEL], 2, 'INPUT_INVALID', /empty\.csv/],
  ['a missing column of ids', ['v.csv', '--id-column', 'key', ...MODEL], 2, 'INPUT_COLUMNS_MISSING', /the column key/],
  ['an archive that is cut off', ['cut.tar', ...MODEL], 2, 'INPUT_INVALID', /tar archive/],
  ['a file of another kind', ['letter.doc', ...MODEL], 2, 'INPUT_INVALID', /another kind/],
  ['a folder without vectors', ['nothing', ...MODEL], 2, 'INPUT_INVALID', /a folder without vectors/],
  ['a folder with a matrix alone', ['alone', ...MODEL], 2, 'USAGE', /--ids FILE/],
  ['clip-retrieval without metadata', ['retrieval', ...MODEL], 2, 'INPUT_INVALID', /metadata_0\.parquet/],
  ['TensorBoard without metadata', ['board', ...MODEL], 2, 'INPUT_INVALID', /metadata\.tsv/],
  [
    'vectors of another dimension',
    ['v.npy', '--ids', 'two.txt', '--model', 'demo'],
    2,
    'INPUT_INVALID',
    /of 128 numbers/,
  ],
  ['a new model without dimension', ['v.csv', '--model', 'new'], 2, 'MODEL_UNKNOWN', /add --dimension N/],
  ['a bad name of a model', ['v.npy', '--model', 'M!', '--dimension', '2'], 2, 'USAGE', /a name of small letters/],
  ['another dimension of a known model', ['v.npy', '--model', 'demo', '--dimension', '2'], 2, 'USAGE', /expects 128/],
  [
    'labels of a model without words',
    ['v.csv', ...MODEL, '--label-set', 'taken_time'],
    2,
    'MODEL_WITHOUT_TEXT',
    /mine@imported/,
  ],
]
const CLUSTER: Refused[] = [
  ['a range that falls', ['--k', '9..3'], 2, 'error', /a range such as/],
  ['a single cluster', ['--k', '1'], 2, 'error', /from 2 to/],
  ['as many clusters as photos', ['--k', '6'], 2, 'USAGE', /fewer clusters than the 6 photos/],
  ['an option of the other method', ['--min-size', '4'], 2, 'USAGE', /does not go with --method kmeans/],
  ['k of HDBSCAN', ['--method', 'hdbscan', '--k', '4'], 2, 'USAGE', /--k does not go with --method hdbscan/],
  ['an unknown projection', ['--method', 'hdbscan', '--projection', 'nothing'], 1, 'NOT_FOUND', /nothing/],
  ['two reductions', ['--method', 'hdbscan', '--projection', 'a', '--components', '5'], 2, 'USAGE', /found both/],
  ['a bad name', ['--k', '2', '--save', 'Upper Case'], 2, 'USAGE', /lower-case letters/],
  ['too few photos', ['--k', '2', '--where', 'exif_iso>450'], 2, 'USAGE', /at least 3 photos/],
]
const PROJECT: Refused[] = [
  ['neighbours of components', ['--method', 'pca', '--neighbours', '4'], 2, 'USAGE', /does not go with/],
  ['a bad name', ['--save', 'a/b'], 2, 'USAGE', /lower-case letters/],
  ['too few photos', [], 2, 'USAGE', /at least 16 photos.*choose fewer --neighbours/],
  [
    'a file in no folder',
    ['--method', 'pca', '--csv', '/no/such/file.csv'],
    2,
    'USAGE',
    /--csv expects a writable file/,
  ],
]
const CLASSIFY: Refused[] = [
  ['an unknown column', ['colour'], 2, 'USAGE', /expects a column of photos/],
  ['one class', ['photo_featured'], 2, 'USAGE', /found 0/],
  ['as many classes as photos', ['photo_id', '--min-photos', '2'], 2, 'USAGE', /found 0 for photo_id/],
  ['a bad name', ['exif_iso:200', '--save', 'my set'], 2, 'USAGE', /--save expects the name of a label set/],
  ['the name of a file', ['exif_iso:200', '--save', 'taken_time'], 2, 'USAGE', /a label set with prompts/],
  ['the same model twice', ['exif_iso:200', '--model', 'demo', '--model', 'demo@fp32'], 2, 'USAGE', /named before/],
  ['a set of two models', ['exif_iso:200', '--save', 'x', '--model', 'a', '--model', 'b'], 2, 'USAGE', /one model/],
  ['a test of everything', ['exif_iso:200', '--test', '1'], 2, 'error', /from 0\.05 to 0\.95/],
  ['a file in no folder', ['exif_iso:200', '--html', '/no/such/a.html'], 2, 'USAGE', /--html expects a writable file/],
  ['an unknown condition', ['exif_iso:200', '--where', 'colour=red'], 2, 'FILTER_INVALID', /colour/],
]
const TEACH: Refused[] = [
  ['an unknown photo', ['few', '--yes', 'a'], 1, 'NOT_FOUND', /unknown: a/],
  [
    'two of each',
    ['few', '--yes', 'red-house', 'blue-boat', '--no', 'cat-room', 'green-tree'],
    2,
    'USAGE',
    /at least 3 photos.*found 2 and 2/,
  ],
  ['a photo of both kinds', ['few', '--yes', 'cat-room', '--no', 'cat-room'], 2, 'USAGE', /both lists: cat-room/],
  ['what is no id', ['few', '--yes', 'no id'], 2, 'USAGE', /examples are ids of photos, found "no id"/],
  ['a bad name', ['my dog', '--yes', 'cat-room'], 2, 'USAGE', /lower-case letters/],
  ['the name of a file', ['taken_time', '--yes', 'cat-room'], 2, 'USAGE', /a label set with prompts/],
  ['a missing list', ['few', '--with', '/no/such/list'], 2, 'INPUT_NOT_FOUND', /\/no\/such\/list/],
  ['marks of an unknown set', ['few', '--from-marks', 'cats:cat'], 1, 'NOT_FOUND', /No label set "cats"/],
  ['an unknown model', ['few', '--model', 'nobody', '--yes', 'cat-room'], 2, 'MODEL_UNKNOWN', /nobody/],
]
const COMMANDS: Record<string, [string[], Refused[]]> = {
  'export out': [['export', 'out'], EXPORT],
  export: [['export'], PLACES],
  import: [['import'], IMPORT],
  'analyze cluster': [['analyze', 'cluster'], CLUSTER],
  'analyze project': [['analyze', 'project'], PROJECT],
  'analyze classify': [['analyze', 'classify'], CLASSIFY],
  'labels teach': [['labels', 'teach'], TEACH],
}

/** A row of an import that is left out, with its code. */
const ROWS: [code: keyof typeof ROW_PROBLEMS, line: string][] = [
  ['BAD_JSON', '{"photo_id": '],
  ['NO_ID', '{"vector": [1, 0]}'],
  ['BAD_ID', '{"photo_id": "a/b", "vector": [1, 0]}'],
  ['NO_VECTOR', '{"photo_id": "none"}'],
  ['BAD_VECTOR', '{"photo_id": "words", "vector": ["one", 0]}'],
  ['WRONG_DIMENSION', '{"photo_id": "long", "vector": [1, 0, 0]}'],
  ['NOT_FINITE', '{"photo_id": "nan", "vector": [NaN, 0]}'],
  ['NOT_FINITE', '{"photo_id": "infinite", "vector": [Infinity, 0]}'],
  ['ZERO_VECTOR', '{"photo_id": "zero", "vector": [0, 0]}'],
  ['DUPLICATE_ID', '{"photo_id": "good", "vector": [0, 1]}'],
  ['VALUE_TOO_LONG', `{"photo_id": "text", "vector": [0, 1], "photo_location_country": "${'a'.repeat(4000)}"}`],
  ['ROW_TOO_LONG', `{"photo_id": "row", "vector": [0, 1], "note": "${'a'.repeat(1 << 20)}"}`],
]

describe('Bad inputs', () => {
  let server: TestServer
  let scenes: ScenePhotos
  let sandbox: Sandbox
  beforeAll(async () => {
    server = await embeddedServer()
    const url = await server.freshUrl()
    scenes = await scenePhotos(url)
    sandbox = await Sandbox.create({ DATABASE_URL: url }, { hosted: true })
    for (const [name, content] of Object.entries(FILES)) {
      await mkdir(dirname(join(sandbox.home, name)), { recursive: true })
      await writeFile(join(sandbox.home, name), content)
    }
  })
  afterAll(async () => {
    await scenes?.close()
    await sandbox?.close()
    await server?.close()
  })

  describe.each(Object.entries(COMMANDS))('%s is refused, and nothing is written:', (_, [command, inputs]) => {
    test.each(inputs)('%s', async (_what, args, exitCode, code, message) => {
      const { code: ended, stdout, stderr } = await sandbox.run(...command, ...args)
      expect(stderr.split(':')[0], stderr).toBe(code)
      expect(stderr).toMatch(message)
      expect([ended, stdout]).toEqual([exitCode, ''])
      expect(stderr).not.toMatch(/^\s+at /m)
    })
  })

  test('import counts bad rows with their codes, and takes the others: exit code 3', async () => {
    const lines = ['{"photo_id": "good", "vector": [1, 0]}', ...ROWS.map(([, line]) => line)]
    await writeFile(join(sandbox.home, 'rows.jsonl'), lines.join('\n'))
    const { code, objects } = await sandbox.run('import', 'rows.jsonl', ...MODEL, '--json')
    expect(code).toBe(3)
    const badRowsByProblem: Record<string, number> = {}
    for (const [problem] of ROWS) badRowsByProblem[problem] = (badRowsByProblem[problem] ?? 0) + 1
    expect(objects()[0]).toMatchObject({ rows: ROWS.length + 1, badRows: ROWS.length, added: 1, badRowsByProblem })
  })
})
