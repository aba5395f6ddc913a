-- store.lua - one request against the counters in Redis, in one atomic step.
--
-- Everything is read, then decided, then written: all or nothing. On Redis's
-- own clock (TIME). Nothing here depends on earlier calls' N, W or ttl, so a
-- reload keeps what was counted. An error reply means that nothing about the
-- request is known; what was written before it stays (one count too many).
--
-- Call: EVALSHA sha numkeys KEYS... ARGV...
--   KEYS  one key per limit, all distinct, but fixed limits that differ in
--         field may share one. The kind must be part of the key's name: a
--         sliding, a fixed and a lease key are values of different types.
--   ARGV[1]  the mode, "c" charge, "p" peek (nothing is written), "r" a charge
--         with a receipt or "u" to undo one, then one letter per limit: s sliding, f fixed, l lease; upper case (S F L) is
--         a shadow: it refuses nothing, and is charged only if it would pass
--         and the request passes (fixed counts always).
--   then four arguments per limit, numbers as decimal text:
--     s  N    W in ms (1..366 days)   n units   T in ms = W + W/16 + 1000,
--        rounded up, the key's time to live (W + 2 at least)
--     f  N or 0: never refuses        U in s    n units   field
--     l  N or 0: never refuses        ttl in ms   mine   id, 8 raw bytes
--        mine is the caller's absolute count after this request. N = 0 is
--        how a lease is renewed or given back: many of them in one call.
--
-- Reply, with "used" as it stands after the call:
--   one limit, charged           integer: used
--   several, all charged         array: used of each limit
--   anything refused, or a peek  array: used, retry of each limit (twice as
--                                many elements as limits)
--   retry: 0 this limit passes; > 0 it refuses, and the same amount passes so
--   many ms after this call at the earliest; -1 it never will (n > N). For a
--   lease it is ttl, the latest moment at which a dead holder's place is free.
--   The request has passed, and was charged, if no limit other than shadows
--   has a retry. used of a limit that was not charged is without this
--   request; of a lease then: the others' counts + mine - 1.
--
--   With a receipt the reply is always used, retry of each limit, and in the
--   end the moment (ms) at which it was charged. Who asks two servers at once,
--   of which one refuses, takes back what the other has charged: "u", sliding
--   limits alone, that moment in N's place; the reply says nothing. The units
--   are taken from the first entries with at >= moment, which may be any before
--   the charge: then that entry or an older one, so what is said of the window
--   below stays true (core/window.c has the proof). Where the moment is more
--   than W ago they may have left already, and nothing is taken back. An entry
--   that has none left goes, so that nobody's refusals make the value grow.
--
-- Commands, for an ACL: TIME GET MGET PSETEX HINCRBY HGET PTTL PEXPIREAT DEL.
--
-- Sliding: a dated queue. The value is `total` and up to 17 entries (at,
-- units), oldest first, 6 bytes little-endian each. An entry holds the units
-- admitted in one aligned sub-window of S ms, S = W/16 (1 ms for N <= 16), and
-- `at` is the ms of the LAST of them. total is their sum.
--  Never more than N in any W: a unit admitted at ms a is in an entry with
--   at >= a and leaves total only when now - at > W, so when now - a > W. So
--   total holds all that was admitted in the closed window [now - W, now], and
--   total + n <= N is asked of it. Strictly greater: ms are rounded down.
--  The margin: at - a < S, so a unit is forgotten at most W + S + 1 ms after it.
--   Who never has more than N in any W + W/16 + 1 ms is never refused.
--  The retry: total shrinks only as entries leave, oldest first, each at its
--   at + W + 1; the first whose leaving makes room for n gives the moment.
--  A clock that steps back: entries dated in the future would stay too long, so
--   all becomes one entry dated now. Moving `at` from the future to now breaks
--   nothing above, for now is later in true time than any admission.

--
-- Fixed: a hash, one counter per field, all of one life: it ends with the
-- second in which U whole seconds have passed since the second of the first
-- event. A life longer than that was given by a clock that stepped back.
--
-- Lease: (expiry 6 bytes, id 8, count 4) of each daemon. Whoever is silent
-- until its expiry is gone; `mine` is absolute, so a lost reply or a repeated
-- call heals by itself.

-- One loop decides, one writes, and there are no functions: closures, calls
-- and tables would make the usual call a tenth dearer (measured).

local call = redis.call
local pack, unpack_struct, sub = struct.pack, struct.unpack, string.sub
local modes = ARGV[1]
-- One limit that no shadow, peek or other limit complicates returns as soon as
-- it is decided; an integer is the cheapest reply there is.
local is_one = modes == 'cs' or modes == 'cf'
local is_peek, is_receipt, now, values, healed, report, after
local passes, is_clean = true, true

if modes ~= 'cf' then
  local time = call('TIME')
  now = time[1] * 1000 + time[2] / 1000
  now = now - now % 1
end
if not is_one then
  local mode = sub(modes, 1, 1)
  if mode == 'u' then
    for i = 1, #KEYS do
      local moment, span, amount =
        ARGV[4 * i - 2] + 0, ARGV[4 * i - 1] + 0, ARGV[4 * i] + 0
      local value = now - moment <= span and call('GET', KEYS[i]) or ''
      local left, kept = amount, ''
      for from = 7, #value, 12 do
        local at, units = unpack_struct('<I6I6', value, from)
        local taken = at >= moment and math.min(units, left) or 0
        left = left - taken
        if units > taken then
          kept = kept .. pack('<I6I6', at, units - taken)
        end
      end
      if kept ~= '' then
        local total = unpack_struct('<I6', value) - (amount - left)
        call('PSETEX', KEYS[i], ARGV[4 * i + 1], pack('<I6', total) .. kept)
      elseif value ~= '' then
        call('DEL', KEYS[i])
      end
    end
    return 0
  end
  is_peek = mode == 'p'
  is_receipt = mode == 'r'
  is_clean = not is_peek
  values = call('MGET', unpack(KEYS)) -- nil for a hash
  -- used, retry of each limit without this request; used with it
  report, after, healed = {}, {}, {}
end

for i = 1, #KEYS do
  local key, arg = KEYS[i], 4 * i - 2
  local kind = is_one and modes or sub(modes, i + 1, i + 1)
  local limit, span, amount = ARGV[arg] + 0, ARGV[arg + 1] + 0, ARGV[arg + 2] + 0
  local used, retry, written = 0, 0, nil

  if kind == 'cs' or kind == 's' or kind == 'S' then
    local value
    if is_one then
      value = call('GET', key)
    else
      value = values[i]
    end
    -- The entries that are kept lie in value, from first to size.
    local first, size, at, units = 7, 6, 0, 0
    if value then
      size = #value
      used, at, units = unpack_struct('<I6I6I6', value)
      while now - at > span do
        used = used - units
        first = first + 12
        if first > size then
          break
        end
        at, units = unpack_struct('<I6I6', value, first)
      end
    end
    local newest, held, heal = at, units, nil
    if size - first > 12 then
      newest, held = unpack_struct('<I6I6', value, size - 11)
    end
    if newest > now and first < size then
      newest, held, at, units, first, size = now, used, now, used, 7, 18
      value = pack('<I6I6I6', used, now, used)
      heal = value
    end

    if used + amount <= limit then
      local part = limit > 16 and span / 16 or 1
      if first < size and newest >= now - now % part then
        size = size - 12
      else
        held = 0
      end
      if first < size then
        written = pack('<I6', used + amount) .. sub(value, first, size)
          .. pack('<I6I6', now, held + amount)
      else
        written = pack('<I6I6I6', used + amount, now, held + amount)
      end
    elseif amount > limit then
      retry = -1
    else
      local over = used + amount - limit - units
      while over > 0 do
        first = first + 12
        at, units = unpack_struct('<I6I6', value, first)
        over = over - units
      end
      retry = at + span + 1 - now
    end

    if is_one then
      if written or heal then
        call('PSETEX', key, ARGV[5], written or heal)
      end
      return written and used + amount or {used, retry}
    end
    after[i] = used + amount
    if heal then
      healed[i] = heal
    end

  elseif kind == 'cf' or kind == 'f' or kind == 'F' then
    local field, total = ARGV[arg + 3]
    if is_peek then
      used = (call('HGET', key, field) or 0) + 0
      total = used + amount
    else
      -- The caller's text: Lua's printing of a number is dear.
      used = call('HINCRBY', key, field, ARGV[arg + 2])
      total = used
    end
    local ttl = call('PTTL', key)
    if not is_peek and (ttl < 0 or ttl > span * 1000 + 1000) then
      call('PEXPIREAT', key, (call('TIME')[1] + span) * 1000 + 999)
      ttl = call('PTTL', key)
    end
    if limit > 0 and total > limit then
      retry = amount > limit and -1 or ttl + 1
    end
    if is_one then
      return retry == 0 and used or {used, retry}
    end
    after[i] = used

  else
    local others, life, id = 0, 0, ARGV[arg + 3]
    local value = values[i] or ''
    written = ''
    for from = 1, #value, 18 do
      local expiry, holder, count = unpack_struct('<I6c8I4', value, from)
      if expiry > now and holder ~= id then
        others = others + count
        written = written .. sub(value, from, from + 17)
        life = math.max(life, expiry - now)
      end
    end
    if limit > 0 and others + amount > limit then
      retry, written = span, nil
    elseif amount > 0 then
      written = written .. pack('<I6c8I4', now + span, id, amount)
      life = math.max(life, span)
    end
    used, after[i] = others + amount - 1, others + amount
    ARGV[arg + 3] = life == span and ARGV[arg + 1] or life
  end

  values[i] = written
  report[2 * i - 1], report[2 * i] = used, retry
  if retry ~= 0 then
    is_clean = false
    passes = passes and kind < 'a'
  end
end

if not is_peek then
  for i = 1, #KEYS do
    local value = passes and values[i] or healed[i]
    if value == '' then
      call('DEL', KEYS[i])
    elseif value then
      call('PSETEX', KEYS[i], ARGV[4 * i + 1], value)
    end
    if passes and values[i] then
      report[2 * i - 1] = after[i]
    end
  end
end
if is_receipt then
  report[2 * #KEYS + 1] = now
  return report
end
return is_clean and (after[2] and after or after[1]) or report
