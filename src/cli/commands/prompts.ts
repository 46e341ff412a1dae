import type { Command } from 'commander'
import { AppError } from '../../domain/errors.js'
import { formatCount } from '../../domain/text/format.js'
import { distinctPrompts } from '../../search/stored-prompts.js'
import { type CommonOptions, type Context, runCommand } from '../context.js'
import { openSearchWithModel } from '../open-search.js'
import { readLineFile } from '../options/line-file.js'
import { oneLine } from '../print/output.js'
import { Progress } from '../print/progress.js'

interface AddOptions extends CommonOptions {
  file?: string
}

export function addPromptsCommand(program: Command): void {
  const prompts = program
    .command('prompts')
    .helpCommand(false)
    .description('Manage stored prompts: words with embeddings, for search_text and combine in SQL.')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip prompts add "at night" "a dog in the snow"
  psql "$(unsplash-clip db url)" -c "select photo_id, score from search_text('at night')"`,
    )

  prompts
    .command('add')
    .description('Embed words and store them. Skips words that are stored already.')
    .argument('[prompts...]', 'each in quotes')
    .option('--file <file>', 'one prompt per line, "-" for stdin')
    .option('--model <name>', 'model for the embeddings')
    .option('--json', 'print one JSON object per prompt')
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
    .description('Show the stored prompts of a model, in alphabetical order.')
    .option('--model <name>', 'model of the prompts')
    .option('--json', 'print one JSON object per prompt')
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
    .description('Remove prompts. Photos, labels and the prompts of label sets stay.')
    .argument('<prompts...>', 'each in quotes')
    .option('--model <name>', 'model of the prompts')
    .option('--json', 'print one JSON object per prompt')
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
  const { out, signal } = context
  const wanted = distinctPrompts([...texts, ...(file === undefined ? [] : await readLines(file))])
  if (wanted.length === 0)
    throw new AppError('USAGE', 'prompts add expects words in quotes, or --file FILE; found none')
  const { search, model } = await openSearchWithModel(context)
  const groups = search.addPrompts(model, wanted, signal)
  const progress = new Progress('prompts')
  let done = 0
  let added = 0
  try {
    for await (const group of groups) {
      if (out.json) for (const prompt of group) out.result(prompt, '')
      done += group.length
      added += group.filter(prompt => prompt.added).length
      progress.update({ total: wanted.length, done, failed: 0 })
    }
  } finally {
    progress.end()
  }
  out.text(
    `${formatCount(added)} prompts embedded with ${model.key}, ${formatCount(wanted.length - added)} stored already.`,
  )
  return 0
}

async function list(context: Context): Promise<number> {
  const { out } = context
  const { search, model } = await openSearchWithModel(context)
  let count = 0
  for await (const { prompt, createdAt } of search.prompts(model)) {
    out.result({ prompt, created_at: createdAt }, oneLine(prompt))
    count++
  }
  if (count === 0) out.text(`No prompt is stored for ${model.key} yet. Add some: unsplash-clip prompts add "at night"`)
  return 0
}

async function remove(context: Context, texts: string[]): Promise<number> {
  const { out } = context
  const { search, model } = await openSearchWithModel(context)
  const wanted = distinctPrompts(texts)
  const removed = await search.removePrompts(model, wanted)
  for (const prompt of removed) out.result({ prompt, removed: true }, `Removed: ${oneLine(prompt)}`)
  if (removed.length === wanted.length) return 0
  throw new AppError(
    'NOT_FOUND',
    `${wanted.length - removed.length} of ${wanted.length} prompts are not stored for ${model.key}. List the stored prompts: unsplash-clip prompts list`,
  )
}

/** @throws AppError INPUT_NOT_FOUND */
async function readLines(file: string): Promise<string[]> {
  const lines = await readLineFile(file, '--file expects a file with one prompt per line')
  return lines.filter(line => line.trim() !== '')
}
