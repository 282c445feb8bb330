/* A strict reader of JSON (RFC 8259) over one line. Whatever is not plain is odd: the reader in Python decides. */
#ifndef WALLWATCH_JSON_H
#define WALLWATCH_JSON_H

#include "base.h"

/* Deeper nesting than any measurement has. */
enum { DEEPEST = 64 };

typedef struct {
    Line *line;
    const uint8_t *at, *end; /* `*end` is NUL, as behind all bytes of Python */
    int depth;
} Json;

/* A text as it stands between its quotes; `from` is null where there is none. */
typedef struct {
    const uint8_t *from;
    size_t size;
    int escaped;
} Span;

/* A number; whole ones of at most eighteen digits are kept whole. */
typedef struct {
    enum { NO_NUMBER, WHOLE, BROKEN } kind;
    int64_t whole;
    double broken;
} Number;

/* What stands for no number among doubles: JSON has none that is it. */
static inline double no_double(void) { return Py_NAN; }

static inline void spaces(Json *j) {
    while (UNLIKELY(*j->at <= ' ') && (*j->at == ' ' || *j->at == '\t' || *j->at == '\n' || *j->at == '\r')) j->at++;
}

static inline void expect(Json *j, uint8_t what) {
    spaces(j);
    if (UNLIKELY(*j->at != what)) odd(j->line);
    j->at++;
}

/* The first byte from `p` on that ends a plain run of a text: a quote, a backslash, or a control character. */
static inline const uint8_t *run_end(const uint8_t *p, const uint8_t *end) {
#if defined(__SSE2__)
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'), control = _mm_set1_epi8(0x1f);
    while (end - p >= 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)p);
        __m128i hit = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(x, quote), _mm_cmpeq_epi8(x, slash)),
                                   _mm_cmpeq_epi8(_mm_min_epu8(x, control), x));
        int mask = _mm_movemask_epi8(hit);
        if (mask) return p + __builtin_ctz((unsigned)mask);
        p += 16;
    }
#endif
    while (p < end && *p != '"' && *p != '\\' && *p > 0x1f) p++;
    return p;
}

static inline int hex_digit(uint8_t c) {
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits behind `\u`; negative where there are not four. Reads no further than a byte that is no digit. */
static inline int32_t four_digits(const uint8_t *p) {
    int32_t value = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(p[i]);
        if (digit < 0) return -1;
        value = value << 4 | digit;
    }
    return value;
}

/* A text that begins at its quote; escapes are checked, not resolved. */
static inline Span text_span(Json *j) {
    const uint8_t *p = ++j->at;
    Span found = {p, 0, 0};
    for (;;) {
        p = run_end(p, j->end);
        if (LIKELY(*p == '"')) break;
        if (UNLIKELY(*p != '\\')) odd(j->line);
        found.escaped = 1;
        switch (p[1]) {
        case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't':
            p += 2;
            break;
        case 'u': {
            int32_t unit = four_digits(p + 2);
            if (unit < 0) odd(j->line);
            p += 6;
            if (unit >= 0xd800 && unit < 0xe000) { /* half of a pair alone is left to Python */
                if (unit >= 0xdc00 || p[0] != '\\' || p[1] != 'u') odd(j->line);
                int32_t low = four_digits(p + 2);
                if (low < 0xdc00 || low >= 0xe000) odd(j->line);
                p += 6;
            }
            break;
        }
        default:
            odd(j->line);
        }
    }
    found.size = (size_t)(p - found.from);
    j->at = p + 1;
    return found;
}

/* Resolves the escapes of a text that `text_span` has checked; gives its size, which is at most the span's. */
static size_t unescape(const Span *span, uint8_t *to) {
    const uint8_t *p = span->from, *end = p + span->size;
    uint8_t *begin = to;
    while (p < end) {
        const uint8_t *slash = p;
#if defined(__SSE2__)
        const __m128i wanted = _mm_set1_epi8('\\');
        int found = 0;
        while (end - slash >= 16) {
            __m128i x = _mm_loadu_si128((const __m128i *)slash);
            int mask = _mm_movemask_epi8(_mm_cmpeq_epi8(x, wanted));
            _mm_storeu_si128((__m128i *)to, x); /* room: `to` is as far from its end as `slash`, or further */
            if (mask) {
                int bytes = __builtin_ctz((unsigned)mask);
                slash += bytes;
                to += bytes;
                found = 1;
                break;
            }
            slash += 16;
            to += 16;
        }
        if (!found)
#endif
            while (slash < end && *slash != '\\') *to++ = *slash++;
        p = slash;
        if (p >= end) break;
        uint8_t kind = p[1];
        p += 2;
        switch (kind) {
        case 'b': *to++ = '\b'; break;
        case 'f': *to++ = '\f'; break;
        case 'n': *to++ = '\n'; break;
        case 'r': *to++ = '\r'; break;
        case 't': *to++ = '\t'; break;
        case 'u': {
            uint32_t unit = (uint32_t)four_digits(p);
            p += 4;
            if (unit >= 0xd800 && unit < 0xdc00) {
                uint32_t low = (uint32_t)four_digits(p + 2);
                p += 6;
                unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
            }
            if (unit < 0x80) {
                *to++ = (uint8_t)unit;
            } else if (unit < 0x800) {
                *to++ = (uint8_t)(0xc0 | unit >> 6);
                *to++ = (uint8_t)(0x80 | (unit & 0x3f));
            } else if (unit < 0x10000) {
                *to++ = (uint8_t)(0xe0 | unit >> 12);
                *to++ = (uint8_t)(0x80 | (unit >> 6 & 0x3f));
                *to++ = (uint8_t)(0x80 | (unit & 0x3f));
            } else {
                *to++ = (uint8_t)(0xf0 | unit >> 18);
                *to++ = (uint8_t)(0x80 | (unit >> 12 & 0x3f));
                *to++ = (uint8_t)(0x80 | (unit >> 6 & 0x3f));
                *to++ = (uint8_t)(0x80 | (unit & 0x3f));
            }
            break;
        }
        default: *to++ = kind; /* a quote, a slash, a backslash */
        }
    }
    return (size_t)(to - begin);
}

static const double TENS[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                              1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static Number number(Json *j) {
    const uint8_t *start = j->at, *p = start;
    Number found = {WHOLE, 0, 0};
    int negative = *p == '-';
    p += negative;
    uint64_t digits = 0;
    const uint8_t *first = p;
    if (*p == '0') {
        p++;
    } else {
        while (*p >= '0' && *p <= '9') digits = digits * 10 + (uint64_t)(*p++ - '0');
    }
    int n = (int)(p - first < 100 ? p - first : 100);
    if (n == 0 || n > 18) odd(j->line);
    if (LIKELY(*p != '.' && (*p | 0x20) != 'e')) {
        if (negative && digits == 0) odd(j->line);
        found.whole = negative ? -(int64_t)digits : (int64_t)digits;
        j->at = p;
        return found;
    }
    found.kind = BROKEN;
    int places = 0, simple = 1;
    if (*p == '.') {
        const uint8_t *point = ++p;
        while (*p >= '0' && *p <= '9') {
            if (p - first < 19) digits = digits * 10 + (uint64_t)(*p - '0');
            p++;
        }
        if (p == point) odd(j->line);
        places = (int)(p - point < 100 ? p - point : 100);
        simple = p - first <= 18 && places <= 22;
    }
    if ((*p | 0x20) == 'e') {
        simple = 0;
        p++;
        if (*p == '+' || *p == '-') p++;
        const uint8_t *power = p;
        while (*p >= '0' && *p <= '9') p++;
        if (p == power) odd(j->line);
    }
    if (p - start > 60) odd(j->line);
    if (simple && digits < (uint64_t)1 << 53) { /* both are exact, so their quotient is the nearest double */
        double value = (double)digits / TENS[places];
        found.broken = negative ? -value : value;
    } else {
        char copy[64];
        memcpy(copy, start, (size_t)(p - start));
        copy[p - start] = 0;
        char *stop;
        int away = j->line->away != NULL;
        come_back(j->line);
        double value = PyOS_string_to_double(copy, &stop, NULL);
        if (value == -1.0 && PyErr_Occurred()) {
            PyErr_Clear();
            odd(j->line);
        }
        if (away) leave(j->line);
        if (*stop || value - value != 0) odd(j->line);
        found.broken = value;
    }
    j->at = p;
    return found;
}

static inline int literal(Json *j, const char *word, size_t size) {
    if ((size_t)(j->end - j->at) < size || memcmp(j->at, word, size)) odd(j->line);
    j->at += size;
    return 1;
}

/* Whether null stands here, which then is passed over. Spaces before it are passed over in any case. */
static inline int is_null(Json *j) {
    spaces(j);
    return *j->at == 'n' && literal(j, "null", 4);
}

static void skip_number(Json *j) {
    const uint8_t *p = j->at;
    p += *p == '-';
    if (*p == '0') p++;
    else if (*p >= '1' && *p <= '9') while (*p >= '0' && *p <= '9') p++;
    else odd(j->line);
    if (*p == '.') {
        const uint8_t *point = ++p;
        while (*p >= '0' && *p <= '9') p++;
        if (p == point) odd(j->line);
    }
    if ((*p | 0x20) == 'e') {
        p++;
        if (*p == '+' || *p == '-') p++;
        const uint8_t *power = p;
        while (*p >= '0' && *p <= '9') p++;
        if (p == power) odd(j->line);
    }
    j->at = p;
}

static inline void deeper(Json *j) {
    if (UNLIKELY(++j->depth > DEEPEST)) odd(j->line);
}

/* Begins an object or a list; false where it is empty. */
static inline int opens(Json *j, uint8_t opening, uint8_t closing) {
    deeper(j);
    expect(j, opening);
    spaces(j);
    if (*j->at != closing) return 1;
    j->at++;
    j->depth--;
    return 0;
}

/* Whether another one follows; passes over the comma, or the end. */
static inline int goes_on(Json *j, uint8_t closing) {
    spaces(j);
    if (LIKELY(*j->at == ',')) {
        j->at++;
        return 1;
    }
    expect(j, closing);
    j->depth--;
    return 0;
}

/* Any value, checked and passed over. */
static void skip(Json *j) {
    spaces(j);
    switch (*j->at) {
    case '"': text_span(j); return;
    case 't': literal(j, "true", 4); return;
    case 'f': literal(j, "false", 5); return;
    case 'n': literal(j, "null", 4); return;
    case '{':
        if (opens(j, '{', '}')) do {
                spaces(j);
                if (*j->at != '"') odd(j->line);
                text_span(j);
                expect(j, ':');
                skip(j);
            } while (goes_on(j, '}'));
        return;
    case '[':
        if (opens(j, '[', ']')) do skip(j);
            while (goes_on(j, ']'));
        return;
    default: skip_number(j);
    }
}

/* The next key and its colon. A key with an escape is odd: it may be one that is looked for, written otherwise. */
static inline Span key(Json *j) {
    spaces(j);
    if (UNLIKELY(*j->at != '"')) odd(j->line);
    Span found = text_span(j);
    if (UNLIKELY(found.escaped)) odd(j->line);
    expect(j, ':');
    return found;
}

/* Whether all bytes are ASCII. */
static int is_ascii(const uint8_t *p, const uint8_t *end) {
    uint64_t high = 0;
    while (end - p >= 32) {
        uint64_t x[4];
        memcpy(x, p, 32);
        high |= x[0] | x[1] | x[2] | x[3];
        p += 32;
    }
    while (p < end) high |= *p++;
    return !(high & UINT64_C(0x8080808080808080));
}

/* Whether all bytes are UTF-8 (RFC 3629). */
static int is_utf8(const uint8_t *p, const uint8_t *end) {
    while (p < end) {
        while (end - p >= 8) {
            uint64_t x;
            memcpy(&x, p, 8);
            if (x & UINT64_C(0x8080808080808080)) break;
            p += 8;
        }
        while (p < end && *p < 0x80) p++;
        while (p < end && *p >= 0x80) {
            uint8_t c = *p;
            if (c < 0xe0) {
                if (c < 0xc2 || end - p < 2 || (p[1] & 0xc0) != 0x80) return 0;
                p += 2;
            } else if (c < 0xf0) {
                if (end - p < 3 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80) return 0;
                if ((c == 0xe0 && p[1] < 0xa0) || (c == 0xed && p[1] > 0x9f)) return 0;
                p += 3;
            } else {
                if (c > 0xf4 || end - p < 4 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80 ||
                    (p[3] & 0xc0) != 0x80)
                    return 0;
                if ((c == 0xf0 && p[1] < 0x90) || (c == 0xf4 && p[1] > 0x8f)) return 0;
                p += 4;
            }
        }
    }
    return 1;
}

#endif
