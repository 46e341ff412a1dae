import { type Command, InvalidArgumentError, Option } from 'commander'
import { wholeNumber } from '../arguments.js'
import { memorySize } from '../build-resources.js'
import { type CommonOptions, runCommand } from '../context.js'
import type { BuildWishes } from '../index-build.js'
import type { TuneOptions } from '../index-tune.js'

const MODEL = 'model whose embeddings are meant (default: the one that is searched)'

export function addIndexCommand(program: Command): void {
  const index = program
    .command('index')
    .description('The vector index of a model: whether it pays, build it, tune it to a wanted recall, drop it.')
    .helpCommand(false)
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip index advise
  unsplash-clip index build
  unsplash-clip index tune

Without an index every search looks at every photo and finds exactly the nearest ones. An index looks at some of them: fast
with millions of photos, at the price of missing a few. How many it may miss is set by "tune", not by the index.`,
    )
  index
    .command('advise')
    .description('Say whether an index pays for so many photos, which one, what it takes, and the commands.')
    .option('--model <name>', MODEL)
    .option('--json', 'print a JSON object')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip index advise
  unsplash-clip index advise --json

Exact search is timed here and now. Sizes are computed; times are rough, since they depend on how the vectors lie.`,
    )
    .action(async (options: CommonOptions) => {
      process.exitCode = await runCommand(options, {}, async context => {
        const { adviseIndex } = await import('../index-advice.js')
        return adviseIndex(context)
      })
    })
  index
    .command('build')
    .description(
      'Build an index beside whoever searches and ingests; one that is there is used until the new one is complete.',
    )
    .option('--model <name>', MODEL)
    .addOption(
      new Option('--kind <kind>', 'kind of index (default: as "advise" says)').choices(['ivfflat', 'text', 'hnsw']),
    )
    .option('--lists <n>', 'ivfflat, text: so many lists (default: 4 × √photos)', wholeNumber(1, 32_768))
    .option('--m <n>', 'hnsw: neighbours of a photo in the graph (default: 16)', wholeNumber(2, 100))
    .option('--ef-construction <n>', 'hnsw: candidates for them (default: 64)', wholeNumber(4, 1000))
    .option('--memory <size>', 'memory of the server that the build may use, like 2GB (default: computed)', memorySize)
    .option('--workers <n>', 'parallel processes of the server (default: computed)', wholeNumber(0, 64))
    .option(
      '--rebuild',
      'also when there is a ready index of this shape: its lists are learned from the photos of today',
    )
    .option('--json', 'print a JSON object')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip index build
  unsplash-clip index build --kind text
  unsplash-clip index build --kind ivfflat --lists 4000 --memory 4GB
  unsplash-clip index build --kind hnsw --m 32 --ef-construction 128

ivfflat   photos in lists of those that are alike; serves searches by image, and by text with many more lists read
text      photos in lists of those that answer alike texts; serves searches by text alone, a tenth of the reading
hnsw      a graph of photos; the fastest for searches by image, slow to build and poor for texts

Ctrl-C ends the build on the server and leaves nothing. What a build that was killed has left is found by the next one and
removed; a build whose command was killed goes on in the server, and the next one takes its result.
The embedded server has one session: there everybody waits until the index is built.`,
    )
    .action(async (options: CommonOptions & BuildWishes) => {
      process.exitCode = await runCommand(options, {}, async context => {
        const { buildIndex } = await import('../index-build.js')
        return buildIndex(context, options)
      })
    })
  index
    .command('tune')
    .description(
      'Find the least effort that reaches a wanted recall, measured on the photos themselves, and search with it.',
    )
    .option('--model <name>', MODEL)
    .option('--recall <share>', 'wanted recall@10 (default: 0.95 for texts, 0.99 for images)', share)
    .addOption(new Option('--kind <kind>', 'only queries of this kind').choices(['text', 'image']))
    .addOption(
      new Option('--method <method>', 'search with this, whatever is fastest').choices([
        'exact',
        'ivfflat',
        'text',
        'hnsw',
      ]),
    )
    .option('--queries <n>', 'size of the sample', wholeNumber(2, 100_000), 200)
    .option('--seed <n>', 'the same sample for the same number', wholeNumber(0, 1e9), 1)
    .option('--json', 'print one JSON object a kind of query')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip index tune
  unsplash-clip index tune --recall 0.98 --kind text --queries 500

Queries by image: photos by lot, each left out of its own answer. Queries by text: prompts that were embedded before, those
of label sets among them; where they are fewer than 50, everyday ones of a built-in list are embedded, too. The ten nearest
by exact search are the measure. An effort is taken when the lower end of the 95 % interval of its recall reaches what is
wanted, so that other queries reach it as well. Tune again when the photos have doubled, or an index was built.`,
    )
    .action(async (options: CommonOptions & TuneOptions) => {
      process.exitCode = await runCommand(options, {}, async context => {
        const { tuneIndex } = await import('../index-tune.js')
        return tuneIndex(context, options)
      })
    })
  index
    .command('status')
    .description(
      'Show the indexes, how far a build is, and how queries are answered, with the recall that was measured.',
    )
    .option('--model <name>', 'only of this model (default: all)')
    .option('--json', 'print one JSON object an index and a kind of query')
    .addHelpText('after', '\nExamples:\n  unsplash-clip index status\n  watch -n 5 unsplash-clip index status')
    .action(async (options: CommonOptions) => {
      process.exitCode = await runCommand(options, {}, async context => {
        const { indexStatus } = await import('../index-status.js')
        return indexStatus(context)
      })
    })
  index
    .command('drop')
    .description('Drop an index and what was tuned for it; searches are exact again.')
    .option('--model <name>', MODEL)
    .addOption(new Option('--kind <kind>', 'kind of index (default: all)').choices(['ivfflat', 'text', 'hnsw']))
    .option('--json', 'print a JSON object')
    .addHelpText('after', '\nExamples:\n  unsplash-clip index drop\n  unsplash-clip index drop --kind hnsw')
    .action(async (options: CommonOptions & Pick<BuildWishes, 'kind'>) => {
      process.exitCode = await runCommand(options, {}, async context => {
        const { dropIndexes } = await import('../index-drop.js')
        return dropIndexes(context, options.kind)
      })
    })
}

function share(text: string): number {
  const value = Number(text)
  if (!/^[01](\.\d+)?$/.test(text) || value <= 0 || value > 1)
    throw new InvalidArgumentError('A share above 0 and up to 1 was expected, like 0.95.')
  return value
}
