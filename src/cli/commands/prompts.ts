import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { AppError } from '../../domain/errors.js'
import { modelKey } from '../../domain/model.js'
import { type CommonOptions, type Context, runCommand } from '../context.js'
import { openEncoder } from '../model-files.js'
import { formatCount, oneLine } from '../output.js'
import { Progress } from '../progress.js'
import { modelToSearch } from '../search-model.js'
import { requireTextTower } from '../text-tower.js'

/** Prompts embedded and stored together; what a Ctrl-C loses at most. */
const AT_ONCE = 50
const PAGE_SIZE = 1000

interface AddOptions extends CommonOptions {
  file?: string
}

export function addPromptsCommand(program: Command): void {
  const prompts = program
    .command('prompts')
    .helpCommand(false)
    .description('Words whose embeddings are stored, so that they can be searched with in SQL: search_text, combine.')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip prompts add "at night" "a dog in the snow"
  psql "$(unsplash-clip db url)" -c "select photo_id, score from search_text('at night')"`,
    )

  prompts
    .command('add')
    .description('Embed words and store them; those that are stored already are left alone.')
    .argument('[prompts...]', 'each in quotes')
    .option('--file <file>', 'one prompt a line, "-" for stdin')
    .option('--model <name>', 'model to embed them with')
    .option('--json', 'print one JSON object a prompt')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip prompts add "at night" "a dog in the snow"
  unsplash-clip prompts add --file queries.txt --model clip-vit-b-32@fp32

Exit codes: 0 done, 1 failed, 2 wrong usage.`,
    )
    .action(async (texts: string[], options: AddOptions) => {
      process.exitCode = await runCommand(options, {}, context => add(context, texts, options))
    })

  prompts
    .command('list')
    .description('Show the prompts that are stored for a model, in their order.')
    .option('--model <name>', 'model whose prompts are shown')
    .option('--json', 'print one JSON object a prompt')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip prompts list
  unsplash-clip prompts list --json | wc -l

Exit codes: 0 done, 1 failed, 2 wrong usage.`,
    )
    .action(async (options: CommonOptions) => {
      process.exitCode = await runCommand(options, {}, list)
    })

  prompts
    .command('remove')
    .description('Forget prompts. Photos, labels and the prompts of label sets stay.')
    .argument('<prompts...>', 'each in quotes')
    .option('--model <name>', 'model whose prompts are removed')
    .option('--json', 'print one JSON object a prompt')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip prompts remove "at night"
  unsplash-clip prompts remove "at night" "a dog in the snow" --model clip-vit-b-32@fp32

Exit codes: 0 done, 1 failed or a prompt was not stored, 2 wrong usage.`,
    )
    .action(async (texts: string[], options: CommonOptions) => {
      process.exitCode = await runCommand(options, {}, context => remove(context, texts))
    })
}

async function add(context: Context, texts: string[], { file }: AddOptions): Promise<number> {
  const { app, out, signal } = context
  const wanted = distinct([...texts, ...(file === undefined ? [] : await readLines(file))])
  if (wanted.length === 0)
    throw new AppError('USAGE', 'prompts add expects words in quotes, or --file FILE; found none')
  const model = await modelToSearch(context)
  requireTextTower(
    context,
    'embed words',
    'Name a model with a text tower that the photos are ingested with: --model NAME.',
  )
  const { prompts } = await app.repositories()
  const progress = new Progress('prompts')
  let added = 0
  try {
    for (let first = 0; first < wanted.length; first += AT_ONCE) {
      signal.throwIfAborted()
      const some = wanted.slice(first, first + AT_ONCE)
      const found = await prompts.find(model.id, some)
      const missing = some.filter((_, i) => found[i] === null)
      if (missing.length > 0)
        await prompts.save(model.id, missing, await (await openEncoder(context, 'text')).encodeTexts(missing))
      added += missing.length
      for (const [i, prompt] of some.entries()) if (out.json) out.result({ prompt, added: found[i] === null }, '')
      progress.update({ total: wanted.length, done: first + some.length, failed: 0 })
    }
  } finally {
    progress.end()
  }
  out.text(
    `${formatCount(added)} prompts embedded with ${modelKey(model.identity)}, ${formatCount(wanted.length - added)} known before.`,
  )
  return 0
}

async function list(context: Context): Promise<number> {
  const { app, out } = context
  const model = await modelToSearch(context)
  const { prompts } = await app.repositories()
  let count = 0
  for await (const page of prompts.list(model.id, PAGE_SIZE))
    for (const { prompt, createdAt } of page) {
      out.result({ prompt, created_at: createdAt }, oneLine(prompt))
      count++
    }
  if (count === 0)
    out.text(`No prompt is stored for ${modelKey(model.identity)} yet. Add some: unsplash-clip prompts add "at night"`)
  return 0
}

async function remove(context: Context, texts: string[]): Promise<number> {
  const { app, out } = context
  const model = await modelToSearch(context)
  const { prompts } = await app.repositories()
  const wanted = distinct(texts)
  const removed = await prompts.remove(model.id, wanted)
  for (const prompt of removed) out.result({ prompt, removed: true }, `Removed: ${oneLine(prompt)}`)
  if (removed.length === wanted.length) return 0
  throw new AppError(
    'NOT_FOUND',
    `${wanted.length - removed.length} of ${wanted.length} prompts are not stored for ${modelKey(model.identity)}. unsplash-clip prompts list shows those that are.`,
  )
}

/** Blanks do not count; see `normal_prompt` in the database. */
function distinct(texts: readonly string[]): string[] {
  return [...new Set(texts.map(oneLine))]
}

/** @throws AppError INPUT_NOT_FOUND */
async function readLines(file: string): Promise<string[]> {
  const text = await readFile(file === '-' ? '/dev/stdin' : file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new AppError(
      'INPUT_NOT_FOUND',
      `--file expects a file with one prompt a line, found ${JSON.stringify(file)}: ${error.code}`,
      { cause: error },
    )
  })
  return text.split('\n').filter(line => line.trim() !== '')
}
