import { toScript } from './scripts.ts';

/**
 * The arithmetic of core/limit.ts, for many askings in one call.
 * KEYS: of every charge, in order. ARGV: now, then for each asking its number of charges, and for each charge
 * kind, cost and three numbers of the rule. Answers for each asking 1 or 0 and, for each of its charges, what was
 * remembered before, as text. Numbers are kept with 17 digits, so that they come back as they were.
 */
export const limitScript = toScript(`
local now = tonumber(ARGV[1])
local at, key, out = 2, 1, {}
local function text(n) return string.format('%.17g', n) end
while ARGV[at] do
  local charges = tonumber(ARGV[at])
  at = at + 1
  local allowed, writes, before = 1, {}, {}
  for i = 1, charges do
    local kind, cost = ARGV[at], tonumber(ARGV[at + 1])
    local limit, p, q = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
    at = at + 5
    local name = KEYS[key]
    key = key + 1
    local stored = redis.call('get', name)
    before[i] = stored or ''
    local a, b, c
    if stored then
      local x, y, z = string.match(stored, '^(%S+) (%S+) (%S+)$')
      a, b, c = tonumber(x), tonumber(y), tonumber(z)
    end
    local state, keep
    if kind == 'bucket' then
      local interval = p / limit
      local depth = q * interval
      local arrival = math.min(math.max(a or now, now), now + depth)
      local nxt = arrival + cost * interval
      if not (nxt - depth - now <= 0.001) then allowed = 0 end
      state, keep = text(nxt) .. ' 0 0', nxt - now
    elseif kind == 'window' then
      local count = 0
      if a and not (a < p) then count = b end
      if not (count + cost <= limit) then allowed = 0 end
      state, keep = text(p) .. ' ' .. text(count + cost) .. ' 0', q - now
    else
      local start = math.floor(now / p) * p
      local count, last = 0, 0
      if a and not (a < start - p) then
        if a < start then last = b else count, last = b, c end
      end
      local used = count + last * (1 - (now - start) / p)
      if not (used + cost <= limit + 1e-9) then allowed = 0 end
      state, keep = text(start) .. ' ' .. text(count + cost) .. ' ' .. text(last), start + 2 * p - now
    end
    if cost > 0 then writes[#writes + 1] = { name, state, math.max(1, math.ceil(keep + 2000)) } end
  end
  if allowed == 1 then
    for _, w in ipairs(writes) do redis.call('set', w[1], w[2], 'px', w[3]) end
  end
  out[#out + 1] = allowed
  for i = 1, charges do out[#out + 1] = before[i] end
end
return out`);
