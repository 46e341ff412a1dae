import type { Config } from '../config.js'
import type { RateLimiter } from '../domain/ports/rate-limiter.js'
import type { GuardedFetcher } from '../net/fetch.js'
import { VERSION } from '../version.js'

/** @param rateLimiter for the images of a run, which all workers fetch together */
export async function openFetcher(config: Config, rateLimiter?: RateLimiter): Promise<GuardedFetcher> {
  const { GuardedFetcher } = await import('../net/fetch.js')
  return new GuardedFetcher({
    timeoutMs: config.DOWNLOAD_TIMEOUT_MS,
    maxBytes: config.MAX_IMAGE_BYTES,
    maxRedirects: config.MAX_REDIRECTS,
    concurrency: config.DOWNLOAD_CONCURRENCY,
    hostConcurrency: config.HOST_CONCURRENCY,
    allowHosts: config.ALLOW_HOSTS,
    userAgent: `unsplash-clip/${VERSION} (+https://github.com/unsplash-clip/unsplash-clip)`,
    rateLimiter,
  })
}
