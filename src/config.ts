import type { z } from 'zod'
import { AppError } from './domain/errors.js'
import { DATABASE_SETTINGS } from './settings/database.js'
import { DOWNLOADS_SETTINGS } from './settings/downloads.js'
import { FOLDERS_SETTINGS } from './settings/folders.js'
import { LABELS_SETTINGS } from './settings/labels.js'
import { MODELS_SETTINGS } from './settings/models.js'
import { OPERATION_SETTINGS } from './settings/operation.js'
import { QUEUE_SETTINGS } from './settings/queue.js'
import type { Setting } from './settings/setting.js'
import { STORED_COPIES_SETTINGS } from './settings/stored-copies.js'
import { WORKERS_SETTINGS } from './settings/workers.js'

/** Every setting by its environment variable. */
export const SETTINGS = {
  ...FOLDERS_SETTINGS,
  ...DATABASE_SETTINGS,
  ...QUEUE_SETTINGS,
  ...STORED_COPIES_SETTINGS,
  ...MODELS_SETTINGS,
  ...LABELS_SETTINGS,
  ...WORKERS_SETTINGS,
  ...DOWNLOADS_SETTINGS,
  ...OPERATION_SETTINGS,
}

/** The settings in the order of docs/settings.md. */
export const SETTING_TOPICS: readonly (readonly [title: string, settings: Readonly<Record<string, Setting>>])[] = [
  ['Folders', FOLDERS_SETTINGS],
  ['Database', DATABASE_SETTINGS],
  ['Queue', QUEUE_SETTINGS],
  ['Stored copies', STORED_COPIES_SETTINGS],
  ['Models', MODELS_SETTINGS],
  ['Labels', LABELS_SETTINGS],
  ['Workers', WORKERS_SETTINGS],
  ['Downloads', DOWNLOADS_SETTINGS],
  ['Operation', OPERATION_SETTINGS],
]

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

/** Quotes a wrong value, or only describes it when it may hold a secret. */
function quoteUnlessSecret(name: string, text: string): string {
  return /_(URL|TOKEN)$/.test(name) || text.includes('@')
    ? `something else (${text.length} characters, not shown: it may hold a password)`
    : JSON.stringify(text)
}

const explained = ({ issues }: z.ZodError): string =>
  issues.flatMap(issue => (issue.code === 'custom' && issue.params?.explains ? `: ${issue.message}` : [])).at(0) ?? ''
