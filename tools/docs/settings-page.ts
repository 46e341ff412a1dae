import { SETTINGS } from '../../src/config.js'

type Name = keyof typeof SETTINGS

const TOPICS: readonly (readonly [title: string, names: readonly Name[]])[] = [
  ['Folders', ['UNSPLASH_CLIP_HOME']],
  ['Database', ['DATABASE_URL', 'DATABASE_POOL_SIZE', 'DATABASE_STATEMENT_TIMEOUT_MS', 'EMBEDDED_IDLE_MS']],
  [
    'Queue',
    [
      'REDIS_URL',
      'REDIS_TLS_CA',
      'REDIS_TLS_CERT',
      'REDIS_TLS_KEY',
      'QUEUE_NAME',
      'QUEUE_LOCK_MS',
      'PHOTOS_PER_JOB',
      'MAX_WAITING_BATCHES',
    ],
  ],
  ['Stored copies', ['OBJECT_STORE', 'S3_ENDPOINT', 'S3_REGION', 'S3_FORCE_PATH_STYLE', 'COPY_HEIGHT', 'COPY_QUALITY']],
  ['Models', ['MODEL', 'MODEL_FOLDERS', 'MODELS_DIR', 'MODEL_SOURCE', 'HF_ENDPOINT', 'PREPROCESS', 'JPEG_DECODER']],
  ['Labels', ['LABEL_SETS', 'LABELS_DIR']],
  [
    'Workers',
    ['EXECUTION_PROVIDER', 'THREADS', 'WORKER_CONCURRENCY', 'IMAGES_PER_CALL', 'MAX_ATTEMPTS', 'RETRY_BASE_MS'],
  ],
  [
    'Downloads',
    [
      'HOST_RATE',
      'IGNORE_OPT_OUT',
      'ALLOW_HOSTS',
      'ALLOW_FOLDERS',
      'DOWNLOAD_CONCURRENCY',
      'HOST_CONCURRENCY',
      'DOWNLOAD_TIMEOUT_MS',
      'MAX_REDIRECTS',
      'MAX_IMAGE_BYTES',
      'MAX_IMAGE_PIXELS',
    ],
  ],
  ['Operation', ['METRICS_PORT', 'METRICS_HOST', 'LOG_LEVEL']],
]

const LINE_LENGTH = 118

/**
 * docs/settings.md, from the settings as the code declares them.
 * @throws when a setting is in no topic
 */
export function settingsPage(): string {
  const listed = new Set(TOPICS.flatMap(([, names]) => names))
  const missing = Object.keys(SETTINGS).filter(name => !listed.has(name as Name))
  if (missing.length > 0)
    throw new Error(`Settings without a topic: ${missing.join(', ')}. Add them to tools/docs/settings-page.ts.`)
  return [
    '<!-- Generated from src/config.ts by `npx vitest run test/docs/settings.test.ts -u`. -->',
    '# Settings',
    '',
    ...wrapped(
      'Every command reads its settings from the environment and from a file `.env` in the current folder. ' +
        'Options on the command line take precedence. An invalid value ends the command with `CONFIG_INVALID`, exit ' +
        'code 2: the message names the variable, the expected value and the value that was found. An empty value ' +
        'counts as unset.',
      '',
      '',
    ),
    '',
    ...wrapped(
      'Settings marked *advanced* are for deployments with special needs. The defaults suit everybody else.',
      '',
      '',
    ),
    ...TOPICS.flatMap(([title, names]) => ['', `## ${title}`, '', ...names.flatMap(entry)]),
    '',
  ].join('\n')
}

function entry(name: Name): string[] {
  const setting = SETTINGS[name]
  const fallback = 'shownDefault' in setting ? setting.shownDefault : `\`${String(setting.default)}\``
  const mark = 'advanced' in setting ? '; *advanced*' : ''
  return wrapped(
    `**\`${name}\`** (default: ${fallback}${mark}): ${setting.help} Expected: ${setting.expected}.`,
    '- ',
    '  ',
  )
}

/** Lines of at most {@link LINE_LENGTH} characters. @param first and @param rest what lines begin with */
function wrapped(text: string, first: string, rest: string): string[] {
  const lines = [first]
  for (const word of text.split(' ')) {
    const line = lines.at(-1)!
    const start = line === first || line === rest
    if (start || line.length + 1 + word.length <= LINE_LENGTH)
      lines[lines.length - 1] = start ? line + word : `${line} ${word}`
    else lines.push(rest + word)
  }
  return lines
}
