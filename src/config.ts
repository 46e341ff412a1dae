import { homedir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { AppError } from './domain/errors.js'
import { EXECUTION_PROVIDERS } from './models/providers.js'
import { parseRedisUrl, REDIS_URL_FORMS } from './queue/redis-url.js'

const MEBIBYTE = 1024 * 1024
const SECOND = 1000
const MINUTE = 60 * SECOND

const positiveInteger = (max: number) => z.coerce.number().int().min(1).max(max)
const list = z.string().transform(text =>
  text
    .split(',')
    .map(part => part.trim())
    .filter(part => part !== ''),
)
const url = (protocols: string[]) =>
  z.string().refine(value => URL.canParse(value) && protocols.includes(new URL(value).protocol), {
    error: `a URL that starts with ${protocols.map(p => `${p}//`).join(' or ')}`,
  })
const redisUrl = z.string().superRefine((value, context) => {
  try {
    parseRedisUrl(value)
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message, params: { explains: true } })
  }
})

/** Every setting: the environment variable, how its value must look, its default, and what it is for. */
export const SETTINGS = {
  UNSPLASH_CLIP_HOME: {
    schema: z.string().min(1),
    default: join(process.env.XDG_DATA_HOME || join(homedir(), '.local', 'share'), 'unsplash-clip'),
    shownDefault: '~/.local/share/unsplash-clip',
    expected: 'a folder',
    help: 'Folder of the embedded database, the stored copies and the downloaded models.',
  },
  DATABASE_URL: {
    schema: url(['postgres:', 'postgresql:']).optional(),
    default: undefined,
    shownDefault: 'the embedded server',
    expected: 'postgres://user:password@host:5432/database',
    help: 'Postgres >= 15 with pgvector >= 0.8. Unset: the embedded server, started on demand.',
  },
  DATABASE_POOL_SIZE: {
    schema: positiveInteger(200),
    default: 8,
    expected: '1 to 200',
    help: 'Connections to Postgres that a process holds at most; the queue on Postgres takes about 4 more.',
  },
  DATABASE_STATEMENT_TIMEOUT_MS: {
    schema: z.coerce
      .number()
      .int()
      .min(0)
      .max(24 * 60 * MINUTE),
    default: 5 * MINUTE,
    expected: 'milliseconds; 0: never',
    help: 'A statement that takes longer is cancelled by the server; migrations never are. The embedded server has no such limit.',
  },
  REDIS_URL: {
    schema: redisUrl.optional(),
    default: undefined,
    shownDefault: 'the queue lives in Postgres',
    expected: REDIS_URL_FORMS,
    help: 'Queue on Redis or Valkey: one server, Sentinel or Cluster. Unset: BullMQ on the Postgres database.',
  },
  REDIS_TLS_CA: {
    schema: z.string().min(1).optional(),
    default: undefined,
    shownDefault: 'the authorities that Node trusts',
    expected: 'the path of a PEM file',
    help: 'Authorities that sign the certificate of a Redis with TLS (rediss://).',
  },
  REDIS_TLS_CERT: {
    schema: z.string().min(1).optional(),
    default: undefined,
    shownDefault: 'none',
    expected: 'the path of a PEM file',
    help: 'Certificate to show to a Redis that asks for one; with REDIS_TLS_KEY.',
  },
  REDIS_TLS_KEY: {
    schema: z.string().min(1).optional(),
    default: undefined,
    shownDefault: 'none',
    expected: 'the path of a PEM file',
    help: 'Private key of REDIS_TLS_CERT.',
  },
  QUEUE_NAME: {
    schema: z.string().regex(/^[a-z0-9_-]{1,64}$/i),
    default: 'unsplash-clip',
    expected: 'letters, digits, _ and -',
    help: 'Name of the queue; workers and producers must agree.',
  },
  QUEUE_LOCK_MS: {
    schema: positiveInteger(60 * MINUTE),
    default: 30 * SECOND,
    expected: 'milliseconds, 1 to 3600000',
    help: 'A worker that stays silent this long is taken for dead; its batches go to others.',
  },
  OBJECT_STORE: {
    schema: z.string().min(1).optional(),
    default: undefined,
    shownDefault: '$UNSPLASH_CLIP_HOME/objects',
    expected: 'a folder or s3://bucket/prefix',
    help: 'Where the compressed copies go.',
  },
  S3_ENDPOINT: {
    schema: url(['http:', 'https:']).optional(),
    default: undefined,
    shownDefault: 'AWS',
    expected: 'http://host:port',
    help: 'Address of an S3-compatible server. Credentials come from the AWS SDK’s default chain.',
  },
  S3_REGION: {
    schema: z.string().min(1),
    default: 'us-east-1',
    expected: 'a region name',
    help: 'Region of the bucket.',
  },
  S3_FORCE_PATH_STYLE: {
    schema: z.enum(['true', 'false']).transform(value => value === 'true'),
    default: false,
    expected: 'true or false',
    help: 'http://host/bucket/key instead of http://bucket.host/key; most self-hosted servers want true.',
  },
  MODEL: {
    schema: z.string().min(1),
    default: 'clip-vit-b-32',
    expected: 'a name of `models list`, optionally with @precision',
    help: 'Model to embed and to search with.',
  },
  MODEL_FOLDERS: {
    schema: list,
    default: [],
    shownDefault: 'none',
    expected: 'FOLDER or NAME=FOLDER, separated by commas',
    help: 'Models of your own: folders with a `model.json`, or `name=folder` for the files of a known model that is not fetched.',
  },
  MODELS_DIR: {
    schema: z.string().min(1).optional(),
    default: undefined,
    shownDefault: '$UNSPLASH_CLIP_HOME/models',
    expected: 'a folder',
    help: 'Where downloaded models are kept.',
  },
  MODEL_SOURCE: {
    schema: z.string().min(1).optional(),
    default: undefined,
    shownDefault: '$HF_ENDPOINT',
    expected: 'a folder, s3://bucket/prefix, or http(s)://host of a hub',
    help: 'Where model files come from on first use.',
  },
  HF_ENDPOINT: {
    schema: url(['http:', 'https:']),
    default: 'https://huggingface.co',
    expected: 'http(s)://host',
    help: 'Address of the model hub (a mirror, for instance).',
  },
  LABEL_SETS: {
    schema: list.transform(names => (names.join() === 'none' ? [] : names)),
    default: ['taken_time', 'taken_space'],
    expected: 'names separated by commas, or none',
    help: 'Label sets that `ingest` predicts, or `none`. Models that embed images alone predict none.',
  },
  LABELS_DIR: {
    schema: z.string().min(1).optional(),
    default: undefined,
    shownDefault: 'the package’s labels/',
    expected: 'a folder of label set files',
    help: 'Your own label sets; they win over the package’s of the same name.',
  },
  BATCH_SIZE: { schema: positiveInteger(1024), default: 32, expected: '1 to 1024', help: 'Photos a job.' },
  MAX_WAITING_BATCHES: {
    schema: positiveInteger(1_000_000),
    default: 5000,
    expected: '1 to 1000000',
    help: 'Batches in the queue from which on `ingest` waits for workers: 5000 of 32 photos take 27 MB of Redis.',
  },
  WORKER_CONCURRENCY: {
    schema: positiveInteger(64),
    default: 2,
    expected: '1 to 64',
    help: 'Batches a worker process handles at once, so that their stages overlap.',
  },
  THREADS: {
    schema: z.coerce.number().int().min(0).max(256),
    default: 0,
    shownDefault: '0: one a core',
    expected: '0 to 256',
    help: 'Threads of the encoder in a worker process.',
  },
  ENCODE_BATCH_SIZE: {
    schema: positiveInteger(1024).optional(),
    default: undefined,
    shownDefault: '8 on the CPU, else 64',
    expected: '1 to 1024',
    help: 'Images of one run of the model. A run blocks the process, so small on CPUs; a GPU wants more.',
  },
  EXECUTION_PROVIDER: {
    schema: list.pipe(z.array(z.enum(EXECUTION_PROVIDERS)).min(1)),
    default: ['cpu'],
    expected: `${EXECUTION_PROVIDERS.join(', ')}, or several separated by commas`,
    help: 'Where the encoder computes: cpu, cuda, tensorrt, webgpu, coreml or dml. Several: the first that works, `cuda,cpu`. See docs/gpu.md.',
  },
  DOWNLOAD_CONCURRENCY: {
    schema: positiveInteger(256),
    default: 16,
    expected: '1 to 256',
    help: 'Downloads a worker process has under way at once.',
  },
  HOST_CONCURRENCY: {
    schema: positiveInteger(256),
    default: 8,
    expected: '1 to 256',
    help: 'Downloads from one host a worker process has under way at once.',
  },
  HOST_RATE: {
    schema: z.coerce.number().min(0).max(100_000),
    default: 100,
    expected: 'requests a second, 0 to 100000; 0: no limit',
    help: 'Requests a second to one host, of all workers together. 0: no limit.',
  },
  IGNORE_OPT_OUT: {
    schema: z.enum(['true', 'false']).transform(value => value === 'true'),
    default: false,
    expected: 'true or false',
    help: 'Take images although their server opts out by X-Robots-Tag or TDM-Reservation (same as --ignore-opt-out).',
  },
  DOWNLOAD_TIMEOUT_MS: {
    schema: positiveInteger(10 * MINUTE),
    default: 30 * SECOND,
    expected: 'milliseconds, 1 to 600000',
    help: 'Deadline of a whole download, redirects included.',
  },
  MAX_REDIRECTS: {
    schema: z.coerce.number().int().min(0).max(20),
    default: 5,
    expected: '0 to 20',
    help: 'Redirects followed.',
  },
  MAX_IMAGE_BYTES: {
    schema: positiveInteger(1024 * MEBIBYTE),
    default: 50 * MEBIBYTE,
    expected: 'bytes, 1 to 1073741824',
    help: 'Largest image that is downloaded.',
  },
  MAX_IMAGE_PIXELS: {
    schema: positiveInteger(1_000_000_000),
    default: 120_000_000,
    expected: 'pixels, 1 to 1000000000',
    help: 'Largest image that is decoded.',
  },
  MAX_ATTEMPTS: {
    schema: positiveInteger(20),
    default: 5,
    expected: '1 to 20',
    help: 'Tries for a photo whose failure may pass (timeout, 429, 5xx).',
  },
  RETRY_BASE_MS: {
    schema: positiveInteger(10 * MINUTE),
    default: 2 * SECOND,
    expected: 'milliseconds, 1 to 600000',
    help: 'First pause before another try; it doubles each time, with jitter.',
  },
  ALLOW_HOSTS: {
    schema: list,
    default: [],
    shownDefault: 'none',
    expected: 'HOST or HOST:PORT, separated by commas',
    help: 'Hosts that may be reached although their address is private or loopback (same as --allow-host).',
  },
  ALLOW_FOLDERS: {
    schema: list,
    default: [],
    shownDefault: 'none',
    expected: 'folders, separated by commas',
    help: 'Folders from which a worker may read image files (same as --allow-folder).',
  },
  PREPROCESS: {
    schema: z.enum(['exact', 'fast']),
    default: 'exact',
    expected: 'exact or fast',
    help: 'exact: pixels as CLIP’s own preprocessing gives them. fast: large JPEG and WebP are decoded at a smaller size.',
  },
  COPY_HEIGHT: {
    schema: positiveInteger(8192),
    default: 512,
    expected: 'pixels, 1 to 8192',
    help: 'Height of the compressed copy.',
  },
  COPY_QUALITY: {
    schema: positiveInteger(100),
    default: 65,
    expected: '1 to 100',
    help: 'JPEG quality of the compressed copy.',
  },
  METRICS_PORT: {
    schema: z.coerce.number().int().min(0).max(65_535),
    default: 0,
    shownDefault: '0: off',
    expected: '0 to 65535',
    help: 'Port on which `worker` serves /metrics, /healthz and /readyz; with --processes one for all.',
  },
  METRICS_HOST: {
    schema: z.string().min(1),
    default: '127.0.0.1',
    expected: 'an address of this machine',
    help: 'Address on which they are served; 0.0.0.0 for all networks.',
  },
  EMBEDDED_IDLE_MS: {
    schema: z.coerce
      .number()
      .int()
      .min(0)
      .max(24 * 60 * MINUTE),
    default: 10 * MINUTE,
    expected: 'milliseconds; 0: never',
    help: 'The embedded server ends when nobody was connected for this long.',
  },
  LOG_LEVEL: {
    schema: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']),
    default: 'info',
    expected: 'trace, debug, info, warn, error or silent',
    help: 'What workers log, as JSON lines on stderr.',
  },
} as const satisfies Record<string, Setting>

interface Setting {
  schema: z.ZodType
  default: unknown
  /** What tables and `--help` show where the default itself would not help. */
  shownDefault?: string
  expected: string
  help: string
}

type Settings = typeof SETTINGS
export type Config = Readonly<{ [K in keyof Settings]: z.output<Settings[K]['schema']> }>

/**
 * Reads the settings, once.
 * @param environment variable name to text; an empty text counts as unset
 * @throws AppError CONFIG_INVALID that names every wrong variable, what was expected and what was found
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const problems: string[] = []
  const entries = Object.entries(SETTINGS as Record<string, Setting>).map(([name, setting]) => {
    const text = environment[name]
    if (text === undefined || text === '') return [name, setting.default]
    const parsed = setting.schema.safeParse(text)
    if (!parsed.success)
      problems.push(`${name}: expected ${setting.expected}, found ${shown(name, text)}${explained(parsed.error)}`)
    return [name, parsed.data]
  })
  if (problems.length > 0)
    throw new AppError(
      'CONFIG_INVALID',
      `${problems.join('\n')}\nSet it in the environment or in .env; the README lists every setting.`,
    )
  return Object.freeze(Object.fromEntries(entries)) as Config
}

/** What may hold a password is described when it is wrong, not repeated. */
function shown(name: string, text: string): string {
  return name.endsWith('_URL') || text.includes('@')
    ? `something else (${text.length} characters, not shown: it may hold a password)`
    : JSON.stringify(text)
}

function explained({ issues }: z.ZodError): string {
  const issue = issues.find(issue => issue.code === 'custom' && issue.params?.explains)
  return issue === undefined ? '' : `: ${issue.message}`
}
