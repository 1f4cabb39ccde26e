/** Words of English that say little about what a text is about, the commonest of all first. Weights are by rank. */
const lines = `
the of and to in a is was for on that with as by at from it his he be are an or this which were had not have but has
its also their one been they who all after when other into can her she we you your my me our us him them what how why where
who whom whose did do does done would could should may might must will shall there these those than then so such no nor
if because while during between about over under through before against both each few more most some any only own same too
very just now here again once out up down off above below further until being having am i
many much new first two three time year years used use made make part people known called well however later early
number often several became become include including included since within without around among another between three
second even although though still way world state states city war large small high great different general system
name named given found century group form day government national public life work long place end left like because
back example according usually generally particularly especially various major main common modern area areas
us using based following known due rather less along until toward towards upon per via etc`;

/** Share of its weight that a common word keeps: a twentieth for the commonest, half for those at the end of the list. */
export const commonWords: ReadonlyMap<string, number> = toWeights(
  lines.split(/\s+/).filter((word) => word !== ''),
);

function toWeights(words: readonly string[]): ReadonlyMap<string, number> {
  const unique = [...new Set(words)];
  return new Map(unique.map((word, rank) => [word, 0.05 + (0.45 * rank) / unique.length]));
}
