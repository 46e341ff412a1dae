import { z } from 'zod'
import { DEFAULT_HOME } from './default-home.js'
import { AppError } from './domain/errors.js'
import { MEBIBYTE, MINUTE, SECOND } from './domain/units.js'
import { EXECUTION_PROVIDERS } from './models/runtime/providers.js'
import { parseRedisUrl, REDIS_URL_FORMS } from './queue/redis-url.js'

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
    default: DEFAULT_HOME,
    shownDefault: '~/.local/share/unsplash-clip',
    expected: 'a folder',
    help: 'Folder for the embedded database, the stored copies and the downloaded models.',
  },
  DATABASE_URL: {
    schema: url(['postgres:', 'postgresql:']).optional(),
    default: undefined,
    shownDefault: 'the embedded server',
    expected: 'postgres://user:password@host:5432/database',
    help: 'Postgres >= 15 with pgvector >= 0.8. When unset, the embedded server starts on demand.',
  },
  DATABASE_POOL_SIZE: {
    advanced: true,
    schema: positiveInteger(200),
    default: 8,
    expected: '1 to 200',
    help: 'Maximum Postgres connections per process. The queue on Postgres uses about 4 more.',
  },
  DATABASE_STATEMENT_TIMEOUT_MS: {
    advanced: true,
    schema: z.coerce
      .number()
      .int()
      .min(0)
      .max(24 * 60 * MINUTE),
    default: 5 * MINUTE,
    expected: 'milliseconds; 0: never',
    help: 'The server cancels statements that take longer, except migrations. The embedded server has no such limit.',
  },
  REDIS_URL: {
    schema: redisUrl.optional(),
    default: undefined,
    shownDefault: 'the queue is in Postgres',
    expected: REDIS_URL_FORMS,
    help: 'Queue on Redis or Valkey: one server, Sentinel or Cluster. When unset, BullMQ uses the Postgres database.',
  },
  REDIS_TLS_CA: {
    advanced: true,
    schema: z.string().min(1).optional(),
    default: undefined,
    shownDefault: 'the authorities that Node trusts',
    expected: 'the path of a PEM file',
    help: 'Certificate authorities to trust for a Redis server with TLS (rediss://).',
  },
  REDIS_TLS_CERT: {
    advanced: true,
    schema: z.string().min(1).optional(),
    default: undefined,
    shownDefault: 'none',
    expected: 'the path of a PEM file',
    help: 'Client certificate for a Redis server that requires one. Needs REDIS_TLS_KEY.',
  },
  REDIS_TLS_KEY: {
    advanced: true,
    schema: z.string().min(1).optional(),
    default: undefined,
    shownDefault: 'none',
    expected: 'the path of a PEM file',
    help: 'Private key of REDIS_TLS_CERT.',
  },
  QUEUE_NAME: {
    advanced: true,
    schema: z.string().regex(/^[a-z0-9_-]{1,64}$/i),
    default: 'unsplash-clip',
    expected: 'letters, digits, _ and -',
    help: 'Name of the queue; workers and producers must agree.',
  },
  QUEUE_LOCK_MS: {
    advanced: true,
    schema: positiveInteger(60 * MINUTE),
    default: 30 * SECOND,
    expected: 'milliseconds, 1 to 3600000',
    help: 'A worker that is silent for this long counts as dead. Other workers take its batches.',
  },
  OBJECT_STORE: {
    schema: z.string().min(1).optional(),
    default: undefined,
    shownDefault: '$UNSPLASH_CLIP_HOME/objects',
    expected: 'a folder or s3://bucket/prefix',
    help: 'Where to store the compressed copies.',
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
    advanced: true,
    schema: z.enum(['true', 'false']).transform(value => value === 'true'),
    default: false,
    expected: 'true or false',
    help: 'Use http://host/bucket/key instead of http://bucket.host/key. Most self-hosted servers need true.',
  },
  MODEL: {
    schema: z.string().min(1),
    default: 'clip-vit-b-32',
    expected: 'a name from `models list`, optionally with @precision',
    help: 'Model for embedding and searching.',
  },
  MODEL_FOLDERS: {
    schema: list,
    default: [],
    shownDefault: 'none',
    expected: 'FOLDER or NAME=FOLDER, separated by commas',
    help: 'Your own models: folders with a `model.json`, or `name=folder` for local files of a known model.',
  },
  MODELS_DIR: {
    schema: z.string().min(1).optional(),
    default: undefined,
    shownDefault: '$UNSPLASH_CLIP_HOME/models',
    expected: 'a folder',
    help: 'Where to keep downloaded models.',
  },
  MODEL_SOURCE: {
    schema: z.string().min(1).optional(),
    default: undefined,
    shownDefault: '$HF_ENDPOINT',
    expected: 'a folder, s3://bucket/prefix, or http(s)://host of a hub',
    help: 'Where to get model files on first use.',
  },
  HF_ENDPOINT: {
    schema: url(['http:', 'https:']),
    default: 'https://huggingface.co',
    expected: 'http(s)://host',
    help: 'Address of the model hub, for example a mirror.',
  },
  LABEL_SETS: {
    schema: list.transform(names => (names.join() === 'none' ? [] : names)),
    default: ['taken_time', 'taken_space'],
    expected: 'names separated by commas, or none',
    help: 'Label sets that `ingest` predicts, or `none`. Image-only models predict none.',
  },
  LABELS_DIR: {
    schema: z.string().min(1).optional(),
    default: undefined,
    shownDefault: 'the package’s labels/',
    expected: 'a folder of label set files',
    help: 'Folder of your own label sets. They take precedence over the package’s sets with the same names.',
  },
  PHOTOS_PER_JOB: { schema: positiveInteger(1024), default: 32, expected: '1 to 1024', help: 'Photos per job.' },
  MAX_WAITING_BATCHES: {
    advanced: true,
    schema: positiveInteger(1_000_000),
    default: 5000,
    expected: '1 to 1000000',
    help: '`ingest` waits for workers at this many queued batches. 5000 batches of 32 photos take 27 MB in Redis.',
  },
  WORKER_CONCURRENCY: {
    advanced: true,
    schema: positiveInteger(64),
    default: 2,
    expected: '1 to 64',
    help: 'Batches that a worker process handles at once, so that their stages overlap.',
  },
  THREADS: {
    schema: z.coerce.number().int().min(0).max(256),
    default: 0,
    shownDefault: '0: one per core',
    expected: '0 to 256',
    help: 'Encoder threads per worker process.',
  },
  IMAGES_PER_CALL: {
    advanced: true,
    schema: positiveInteger(1024).optional(),
    default: undefined,
    shownDefault: '8 on the CPU, 64 elsewhere',
    expected: '1 to 1024',
    help: 'Images per inference call. Larger batches suit GPUs.',
  },
  EXECUTION_PROVIDER: {
    schema: list.pipe(z.array(z.enum(EXECUTION_PROVIDERS)).min(1)),
    default: ['cpu'],
    expected: `${EXECUTION_PROVIDERS.join(', ')}, or several separated by commas`,
    help: 'Where the encoder runs. `cuda,cpu`: the first that works. See docs/guides/gpu.md.',
  },
  DOWNLOAD_CONCURRENCY: {
    advanced: true,
    schema: positiveInteger(256),
    default: 16,
    expected: '1 to 256',
    help: 'Concurrent downloads per worker process.',
  },
  HOST_CONCURRENCY: {
    advanced: true,
    schema: positiveInteger(256),
    default: 8,
    expected: '1 to 256',
    help: 'Concurrent downloads per host and worker process.',
  },
  HOST_RATE: {
    schema: z.coerce.number().min(0).max(100_000),
    default: 100,
    expected: 'requests per second, 0 to 100000; 0: no limit',
    help: 'Requests per second to one host, for all workers together. 0: no limit.',
  },
  IGNORE_OPT_OUT: {
    schema: z.enum(['true', 'false']).transform(value => value === 'true'),
    default: false,
    expected: 'true or false',
    help: 'Download images even if their server opts out with X-Robots-Tag or TDM-Reservation (like --ignore-opt-out).',
  },
  DOWNLOAD_TIMEOUT_MS: {
    advanced: true,
    schema: positiveInteger(10 * MINUTE),
    default: 30 * SECOND,
    expected: 'milliseconds, 1 to 600000',
    help: 'Deadline for a whole download, including redirects.',
  },
  MAX_REDIRECTS: {
    advanced: true,
    schema: z.coerce.number().int().min(0).max(20),
    default: 5,
    expected: '0 to 20',
    help: 'Maximum redirects to follow.',
  },
  MAX_IMAGE_BYTES: {
    advanced: true,
    schema: positiveInteger(1024 * MEBIBYTE),
    default: 50 * MEBIBYTE,
    expected: 'bytes, 1 to 1073741824',
    help: 'Largest image to download.',
  },
  MAX_IMAGE_PIXELS: {
    advanced: true,
    schema: positiveInteger(1_000_000_000),
    default: 120_000_000,
    expected: 'pixels, 1 to 1000000000',
    help: 'Largest image to decode.',
  },
  MAX_ATTEMPTS: {
    advanced: true,
    schema: positiveInteger(20),
    default: 5,
    expected: '1 to 20',
    help: 'Attempts per photo when its failure may be temporary (timeout, 429, 5xx).',
  },
  RETRY_BASE_MS: {
    advanced: true,
    schema: positiveInteger(10 * MINUTE),
    default: 2 * SECOND,
    expected: 'milliseconds, 1 to 600000',
    help: 'Delay before the second attempt. It doubles each time, with jitter.',
  },
  ALLOW_HOSTS: {
    schema: list,
    default: [],
    shownDefault: 'none',
    expected: 'HOST or HOST:PORT, separated by commas',
    help: 'Hosts to allow although their addresses are private or loopback (like --allow-host).',
  },
  ALLOW_FOLDERS: {
    schema: list,
    default: [],
    shownDefault: 'none',
    expected: 'folders, separated by commas',
    help: 'Folders from which workers may read image files (like --allow-folder).',
  },
  PREPROCESS: {
    advanced: true,
    schema: z.enum(['exact', 'fast']),
    default: 'exact',
    expected: 'exact or fast',
    help: 'exact: the same pixels as CLIP’s own preprocessing. fast: decodes large JPEG and WebP at a smaller size.',
  },
  JPEG_DECODER: {
    advanced: true,
    schema: z.enum(['auto', 'libvips']),
    default: 'auto',
    expected: 'auto or libvips',
    help: 'auto: the built-in decoder handles ordinary JPEGs. libvips: the built-in decoder is off; decoding takes longer.',
  },
  COPY_HEIGHT: {
    advanced: true,
    schema: positiveInteger(8192),
    default: 512,
    expected: 'pixels, 1 to 8192',
    help: 'Height of the compressed copy.',
  },
  COPY_QUALITY: {
    advanced: true,
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
    help: 'Port on which `worker` serves /metrics, /healthz and /readyz. All --processes share it.',
  },
  METRICS_HOST: {
    advanced: true,
    schema: z.string().min(1),
    default: '127.0.0.1',
    expected: 'an address of this machine',
    help: 'Address for the METRICS_PORT endpoints. 0.0.0.0: all networks.',
  },
  EMBEDDED_IDLE_MS: {
    advanced: true,
    schema: z.coerce
      .number()
      .int()
      .min(0)
      .max(24 * 60 * MINUTE),
    default: 10 * MINUTE,
    expected: 'milliseconds; 0: never',
    help: 'The embedded server stops after this long without connections.',
  },
  LOG_LEVEL: {
    schema: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']),
    default: 'info',
    expected: 'trace, debug, info, warn, error or silent',
    help: 'Least severe level that workers log, as JSON lines on stderr.',
  },
} as const satisfies Record<string, Setting>

interface Setting {
  /** Hidden from short lists: only deployments with special needs change it. */
  advanced?: true
  schema: z.ZodType
  default: unknown
  /** Text for tables and `--help` in place of a default that would not help. */
  shownDefault?: string
  expected: string
  help: string
}

type Settings = typeof SETTINGS
export type Config = Readonly<{ [K in keyof Settings]: z.output<Settings[K]['schema']> }>

/**
 * Reads, validates and freezes the settings.
 * @param environment maps variable names to values; an empty value counts as unset
 * @throws AppError CONFIG_INVALID that names every invalid variable with its expected and found value
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const problems: string[] = []
  const entries = Object.entries(SETTINGS as Record<string, Setting>).map(([name, setting]) => {
    const text = environment[name]
    if (text === undefined || text === '') return [name, setting.default]
    const parsed = setting.schema.safeParse(text)
    if (!parsed.success)
      problems.push(
        `${name}: expected ${setting.expected}, found ${quoteUnlessSecret(name, text)}${explained(parsed.error)}`,
      )
    return [name, parsed.data]
  })
  if (problems.length > 0)
    throw new AppError(
      'CONFIG_INVALID',
      `${problems.join('\n')}\nSet it in the environment or in .env; docs/settings.md lists every setting.`,
    )
  return Object.freeze(Object.fromEntries(entries)) as Config
}

/** Quotes a wrong value, or only describes it when it may hold a password. */
function quoteUnlessSecret(name: string, text: string): string {
  return name.endsWith('_URL') || text.includes('@')
    ? `something else (${text.length} characters, not shown: it may hold a password)`
    : JSON.stringify(text)
}

function explained({ issues }: z.ZodError): string {
  const issue = issues.find(issue => issue.code === 'custom' && issue.params?.explains)
  return issue === undefined ? '' : `: ${issue.message}`
}
