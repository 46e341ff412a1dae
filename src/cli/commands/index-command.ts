import { type Command, InvalidArgumentError, Option } from 'commander'
import type { TuneRequest } from '../../indexing/tune-index.js'
import { type CommonOptions, runCommand } from '../context.js'
import type { BuildOptions } from '../index/build-command.js'
import { memorySize, wholeNumber } from '../options/arguments.js'

const MODEL = 'model of the embeddings (default: the one chosen for searches)'

export function addIndexCommand(program: Command): void {
  const index = program
    .command('index')
    .description('Manage the vector indexes of a model: get advice, build, tune to a wanted recall, drop.')
    .helpCommand(false)
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip index advise
  unsplash-clip index build
  unsplash-clip index tune

Without an index, every search compares all photos and finds exactly the nearest ones. An index compares some of them: fast
with millions of photos, but it misses a few. "index tune" sets how many it may miss.`,
    )
  index
    .command('advise')
    .description('Advise whether an index pays, which one, its cost, and the commands.')
    .option('--model <name>', MODEL)
    .option('--json', 'print a JSON object')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip index advise
  unsplash-clip index advise --json

The advice depends on the number of photos and the model. Sizes are computed. Build times are estimates: they depend on the
vectors.`,
    )
    .action(async (options: CommonOptions) => {
      process.exitCode = await runCommand(options, {}, async context => {
        const { showAdvice } = await import('../index/show-advice.js')
        return showAdvice(context)
      })
    })
  index
    .command('build')
    .description(
      'Build an index without blocking searches or ingestion. An existing index stays in use until the new one is complete.',
    )
    .option('--model <name>', MODEL)
    .addOption(
      new Option('--kind <kind>', 'kind of index (default: the advice of "index advise")').choices(['ivfflat', 'hnsw']),
    )
    .option('--lists <n>', 'ivfflat: number of lists (default: 4 × √photos)', wholeNumber(1, 32_768))
    .option('--m <n>', 'hnsw: neighbours per photo in the graph (default: 16)', wholeNumber(2, 100))
    .option('--ef-construction <n>', 'hnsw: candidates for the neighbours (default: 64)', wholeNumber(4, 1000))
    .option('--memory <size>', 'server memory for the build, such as 2GB (default: computed)', memorySize)
    .option('--parallel-workers <n>', 'parallel workers of Postgres (default: computed)', wholeNumber(0, 64))
    .option('--rebuild', 'build even if a ready index of this shape exists, to learn its lists from the current photos')
    .option('--json', 'print a JSON object')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip index build
  unsplash-clip index build --kind ivfflat --lists 4000 --memory 4GB
  unsplash-clip index build --kind hnsw --m 32 --ef-construction 128

ivfflat   groups similar photos in lists; serves searches by text and by image, texts by reading more lists
hnsw      a graph of photos; fastest for searches by image, and poor for texts

Ctrl-C ends the build on the server and leaves nothing. The next build removes the leftovers of a killed build. When only
the command is killed, the server continues the build, and the next command uses its result.
The embedded server has one session, so all commands wait for the build.`,
    )
    .action(async (options: CommonOptions & BuildOptions) => {
      process.exitCode = await runCommand(options, {}, async context => {
        const { build } = await import('../index/build-command.js')
        return build(context, options)
      })
    })
  index
    .command('tune')
    .description(
      'Find the least search effort (ivfflat.probes or hnsw.ef_search) that reaches a wanted recall, and search with it.',
    )
    .option('--model <name>', MODEL)
    .option('--recall <share>', 'wanted recall@10 (default: 0.95 for texts, 0.99 for images)', share)
    .addOption(new Option('--kind <kind>', 'only queries of this kind').choices(['text', 'image']))
    .addOption(
      new Option('--method <method>', 'use this method even if another one is faster').choices([
        'exact',
        'ivfflat',
        'hnsw',
      ]),
    )
    .option('--queries <n>', 'number of sampled prompts, and of sampled photos', wholeNumber(2, 100_000), 200)
    .option('--seed <n>', 'seed of the sample', wholeNumber(0, 1e9), 1)
    .option('--json', 'print one JSON object per kind of query')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip index tune
  unsplash-clip index tune --recall 0.98 --kind text --queries 500

Queries by image are randomly sampled photos, each excluded from its own results, and as many means of two, which lie
between photos as images from outside of the collection do; the lower recall of both counts. Queries by text are stored
prompts, those of label sets included; with fewer than 50 of them, prompts of a built-in list are embedded and added.
Recall compares with the ten nearest by exact search. A search effort is accepted when the
lower end of the 95 % interval of its recall reaches the wanted recall. Tune again when the number of photos has doubled,
or after building an index.`,
    )
    .action(async (options: CommonOptions & TuneRequest) => {
      process.exitCode = await runCommand(options, {}, async context => {
        const { tune } = await import('../index/tune-command.js')
        return tune(context, options)
      })
    })
  index
    .command('status')
    .description('Show the indexes, the progress of a build, and how search answers queries, with the measured recall.')
    .option('--model <name>', 'only of this model (default: all)')
    .option('--json', 'print one JSON object per index and kind of query')
    .addHelpText('after', '\nExamples:\n  unsplash-clip index status\n  watch -n 5 unsplash-clip index status')
    .action(async (options: CommonOptions) => {
      process.exitCode = await runCommand(options, {}, async context => {
        const { indexStatus } = await import('../index/index-status.js')
        return indexStatus(context)
      })
    })
  index
    .command('drop')
    .description('Drop an index and its tuned settings. Searches are exact again.')
    .option('--model <name>', MODEL)
    .addOption(new Option('--kind <kind>', 'kind of index (default: all)').choices(['ivfflat', 'hnsw']))
    .option('--json', 'print a JSON object')
    .addHelpText('after', '\nExamples:\n  unsplash-clip index drop\n  unsplash-clip index drop --kind hnsw')
    .action(async (options: CommonOptions & Pick<BuildOptions, 'kind'>) => {
      process.exitCode = await runCommand(options, {}, async context => {
        const { dropIndexes } = await import('../index/drop-command.js')
        return dropIndexes(context, options.kind)
      })
    })
}

function share(text: string): number {
  const value = Number(text)
  if (!/^[01](\.\d+)?$/.test(text) || value <= 0 || value > 1)
    throw new InvalidArgumentError('Expected a share above 0 and up to 1, such as 0.95.')
  return value
}
