/* What is read of a Web Connectivity measurement, decoded: the same fields as `parts.py`, `control.py`, `envelope.py`
   and `nettests/web_connectivity.py` name. A field of another type than theirs makes the line odd, and so does one that
   is there twice, since there the last one counts and the first one has to fit as well. */
#ifndef WALLWATCH_PARTS_H
#define WALLWATCH_PARTS_H

#include "texts.h"

/* More of one kind than a measurement has; above it, searching one by one would be slow. */
enum { MOST = 512 };

typedef int32_t Id; /* the number of a text, NONE where there is none */

enum { NULL_BOOL = -1 };

typedef struct {
    Id answer_type, ipv4, ipv6, hostname, as_org_name;
    Number asn, ttl;
} Answer;

typedef struct {
    Id engine, resolver_address, hostname, query_type, failure;
    int64_t rcode, transaction;
    double t0, t;
    int depth;
    Answer *answers;
    int answered;
} Query;

typedef struct {
    Id ip, port_text, failure;
    int64_t port, transaction;
    int has_status, success;
    double t0, t;
    int depth;
} Connect;

typedef struct {
    Id address, server_name, outer_server_name, echconfig, failure, tls_version, negotiated_protocol, leaf;
    int no_tls_verify, depth;
    int64_t chain, transaction;
    double t0, t;
} Handshake;

typedef struct {
    Id name;
    Span value;
    int encoded; /* the value is base64 */
} Header;

typedef struct {
    Header *list;
    int n;
} Headers;

typedef struct {
    Id address, alpn, failure, url, method;
    int asked, got, has_body, body_encoded, truncated, depth;
    int64_t code, transaction;
    double t0, t;
    Headers headers;
    Span body;
} Exchange;

typedef struct {
    enum { OTHER_OPERATION, READ, READ_FROM, WRITE, WRITE_TO, CUMULATIVE, SHAKE_START, SHAKE_DONE } operation;
    int64_t bytes, transaction;
    double t;
} Event;

typedef struct {
    Id endpoint, failure, server_name;
    int null, status;
} Outcome;

typedef struct {
    Outcome *list;
    int n;
} Outcomes;

typedef struct {
    int given;
    Number body_length;
    Id failure, title;
    int64_t status_code;
    Headers headers;
} Page;

typedef struct {
    Id address;
    int null;
    Number asn;
} Info;

typedef struct {
    int given, has_dns;
    Id dns_failure;
    Id *addrs;
    int n_addrs;
    Outcomes tcp, tls, quic;
    Page http, http3;
    Info *infos;
    int n_infos;
} Control;

typedef struct {
    Query *queries;
    Connect *connects;
    Handshake *tls, *quic;
    Exchange *requests;
    Event *events;
    int n_queries, n_connects, n_tls, n_quic, n_requests, n_events;
    Control control;
    Id control_failure, blocking;
    int blocking_bool, accessible;
} Keys;

typedef struct {
    Id test_version, input, report_id, uid, time, test_start, asn_text, country, ip, probe_id, network_name;
    Id resolver_asn_text, resolver_ip, software_name, software_version, platform, network_type, run, helper;
    Number runtime, asn, resolver_asn;
    int is_web, has_keys;
    Keys keys;
} Measurement;

/* Constant texts, in the order in which every fresh set of texts gets them. */
#define WORDS(X)                                                                                    \
    X(NO_ANSWER, "dns_no_answer") X(UNKNOWN_FAILURE, "unknown_failure") X(UDP, "udp")               \
    X(AGAIN, "udp_again") X(SYSTEM, "system") X(CNAME, "CNAME") X(A, "A") X(AAAA, "AAAA")           \
    X(GET, "GET") X(H3, "h3") X(ACCESSIBLE, "accessible") X(DOWN, "down") X(UNKNOWN_TEXT, "unknown") \
    X(LOCATION, "location") X(SERVER, "server")
#define WORD_NUMBER(name, text) W_##name,
enum { W_EMPTY, WORDS(WORD_NUMBER) N_WORDS };
#undef WORD_NUMBER

typedef struct {
    Json json;
    Line *line;
    Texts *texts;
    Measurement m;
} Reading;

#define KEY_IS(k, text) ((k).size == sizeof(text) - 1 && !memcmp((k).from, text, sizeof(text) - 1))

/* `seen` has a bit for each known field of an object. */
static inline void once(Reading *r, uint32_t *seen, int bit) {
    if (UNLIKELY(*seen >> bit & 1)) odd(r->line);
    *seen |= (uint32_t)1 << bit;
}

static Span some_text(Reading *r) {
    spaces(&r->json);
    if (UNLIKELY(*r->json.at != '"')) odd(r->line);
    return text_span(&r->json);
}

static Id text(Reading *r) {
    if (is_null(&r->json)) return NONE;
    Span found = some_text(r);
    return text_number(r->line, r->texts, &found);
}

/* A text or null, which is not needed. */
static void no_text(Reading *r) {
    if (!is_null(&r->json)) some_text(r);
}

static Number some_number(Reading *r) {
    static const Number none = {NO_NUMBER, 0, 0};
    return is_null(&r->json) ? none : number(&r->json);
}

static int64_t whole(Reading *r) {
    Number found = some_number(r);
    if (found.kind == NO_NUMBER) return NO_INT64;
    if (found.kind == BROKEN) odd(r->line);
    return found.whole;
}

static double as_double(const Number *n) {
    return n->kind == WHOLE ? (double)n->whole : n->kind == BROKEN ? n->broken : no_double();
}

static double broken(Reading *r) {
    Number found = some_number(r);
    return as_double(&found);
}

static int truth(Reading *r) {
    if (is_null(&r->json)) return NULL_BOOL;
    if (*r->json.at == 't') return literal(&r->json, "true", 4);
    literal(&r->json, "false", 5);
    return 0;
}

/* A text, a number, or null. */
static Id text_or_number(Reading *r, Number *found) {
    found->kind = NO_NUMBER;
    if (is_null(&r->json)) return NONE;
    if (*r->json.at == '"') return text(r);
    *found = number(&r->json);
    return NONE;
}

/* `depth=N` among tags, 0 to 63; negative where there is none. */
static int tags(Reading *r) {
    Json *j = &r->json;
    int depth = -1;
    if (is_null(j)) return depth;
    if (!opens(j, '[', ']')) return depth;
    do {
        Span tag = some_text(r);
        if (tag.escaped) odd(r->line); /* may be one of these, written otherwise */
        if (depth < 0 && tag.size > 6 && !memcmp(tag.from, "depth=", 6)) {
            const uint8_t *digit = tag.from + 6;
            size_t n = tag.size - 6;
            if (n == 1 && digit[0] >= '0' && digit[0] <= '9') depth = digit[0] - '0';
            if (n == 2 && digit[0] >= '1' && digit[0] <= '6' && digit[1] >= '0' && digit[1] <= '9') {
                int value = (digit[0] - '0') * 10 + digit[1] - '0';
                if (value < 64) depth = value;
            }
        }
    } while (goes_on(j, ']'));
    return depth;
}

/* A list of `n` things with room for one more, which is zero. */
static void *one_more(Reading *r, void *list, int n, int *room, size_t size, int most) {
    if (UNLIKELY(n == most)) odd(r->line);
    if (n == *room) {
        *room = n ? n * 2 : 16;
        void *more = room_for(r->line, (size_t)*room * size);
        if (n) memcpy(more, list, (size_t)n * size);
        list = more;
    }
    memset((uint8_t *)list + (size_t)n * size, 0, size);
    return list;
}

/* A list of things, or null: `one` decodes each into its place. */
static int list_of(Reading *r, void **found, size_t size, void (*one)(Reading *, void *)) {
    Json *j = &r->json;
    *found = NULL;
    if (is_null(j) || !opens(j, '[', ']')) return 0;
    int room = 0, n = 0;
    uint8_t *list = NULL;
    do {
        list = one_more(r, list, n, &room, size, MOST);
        one(r, list + (size_t)n++ * size);
    } while (goes_on(j, ']'));
    *found = list;
    return n;
}

/* `FIELDS(begin)` … `END_FIELDS`: the fields of an object that has begun. */
#define FIELDS(r)                          \
    {                                      \
        uint32_t seen = 0;                 \
        Json *j_ = &(r)->json;             \
        if (opens(j_, '{', '}')) do {      \
                Span k = key(j_);

#define END_FIELDS(r)                      \
            } while (goes_on(j_, '}'));    \
    }

#define FIELD(r, bit, text_, what)         \
    if (KEY_IS(k, text_)) {                \
        once(r, &seen, bit);               \
        what;                              \
        continue;                          \
    }

static void answer(Reading *r, void *to) {
    Answer *a = to;
    a->answer_type = a->ipv4 = a->ipv6 = a->hostname = a->as_org_name = NONE;
    FIELDS(r)
    switch (k.size) {
    case 3: FIELD(r, 0, "asn", a->asn = some_number(r)) FIELD(r, 1, "ttl", a->ttl = some_number(r)) break;
    case 4: FIELD(r, 2, "ipv4", a->ipv4 = text(r)) FIELD(r, 3, "ipv6", a->ipv6 = text(r)) break;
    case 8: FIELD(r, 4, "hostname", a->hostname = text(r)) break;
    case 11:
        FIELD(r, 5, "answer_type", a->answer_type = text(r))
        FIELD(r, 6, "as_org_name", a->as_org_name = text(r))
        break;
    }
    skip(j_);
    END_FIELDS(r)
}

static void query(Reading *r, void *to) {
    Query *q = to;
    q->engine = q->resolver_address = q->hostname = q->query_type = q->failure = NONE;
    q->rcode = q->transaction = NO_INT64;
    q->t0 = q->t = no_double();
    q->depth = -1;
    FIELDS(r)
    switch (k.size) {
    case 1: FIELD(r, 0, "t", q->t = broken(r)) break;
    case 2: FIELD(r, 1, "t0", q->t0 = broken(r)) break;
    case 4: FIELD(r, 2, "tags", q->depth = tags(r)) break;
    case 5: FIELD(r, 3, "rcode", q->rcode = whole(r)) break;
    case 6: FIELD(r, 4, "engine", q->engine = text(r)) break;
    case 7:
        FIELD(r, 5, "failure", q->failure = text(r))
        FIELD(r, 6, "answers", q->answered = list_of(r, (void **)&q->answers, sizeof(Answer), answer))
        break;
    case 8: FIELD(r, 7, "hostname", q->hostname = text(r)) break;
    case 10: FIELD(r, 8, "query_type", q->query_type = text(r)) break;
    case 14: FIELD(r, 9, "transaction_id", q->transaction = whole(r)) break;
    case 16: FIELD(r, 10, "resolver_address", q->resolver_address = text(r)) break;
    }
    skip(j_);
    END_FIELDS(r)
}

static void status(Reading *r, Connect *c) {
    if (is_null(&r->json)) return;
    c->has_status = 1;
    FIELDS(r)
    FIELD(r, 0, "failure", c->failure = text(r))
    FIELD(r, 1, "success", c->success = truth(r))
    skip(j_);
    END_FIELDS(r)
}

static void connect(Reading *r, void *to) {
    Connect *c = to;
    c->ip = c->port_text = c->failure = NONE;
    c->port = c->transaction = NO_INT64;
    c->success = NULL_BOOL;
    c->t0 = c->t = no_double();
    c->depth = -1;
    Number port = {NO_NUMBER, 0, 0};
    FIELDS(r)
    switch (k.size) {
    case 1: FIELD(r, 0, "t", c->t = broken(r)) break;
    case 2: FIELD(r, 1, "ip", c->ip = text(r)) FIELD(r, 2, "t0", c->t0 = broken(r)) break;
    case 4:
        FIELD(r, 3, "port", c->port_text = text_or_number(r, &port))
        FIELD(r, 4, "tags", c->depth = tags(r))
        break;
    case 6: FIELD(r, 5, "status", status(r, c)) break;
    case 14: FIELD(r, 6, "transaction_id", c->transaction = whole(r)) break;
    }
    skip(j_);
    END_FIELDS(r)
    if (port.kind == BROKEN) odd(r->line);
    if (port.kind == WHOLE) c->port = port.whole;
}

/* A text, or an object with one in base64, which `*encoded` tells; a null is neither. */
static Span text_or_binary(Reading *r, int *encoded) {
    Json *j = &r->json;
    Span found = {NULL, 0, 0};
    *encoded = 0;
    spaces(j);
    if (LIKELY(*j->at == '"')) return text_span(j);
    *encoded = 1;
    FIELDS(r)
    FIELD(r, 0, "data", if (!is_null(j_)) found = some_text(r))
    FIELD(r, 1, "format", no_text(r))
    skip(j_);
    END_FIELDS(r)
    return found;
}

static void chain(Reading *r, Handshake *h) {
    Json *j = &r->json;
    if (is_null(j) || !opens(j, '[', ']')) return;
    do {
        int encoded;
        Span one = text_or_binary(r, &encoded);
        if (!h->chain++ && one.from) h->leaf = text_number(r->line, r->texts, &one);
    } while (goes_on(j, ']'));
}

static void handshake(Reading *r, void *to) {
    Handshake *h = to;
    h->address = h->server_name = h->outer_server_name = h->echconfig = h->failure = NONE;
    h->tls_version = h->negotiated_protocol = h->leaf = NONE;
    h->no_tls_verify = NULL_BOOL;
    h->transaction = NO_INT64;
    h->t0 = h->t = no_double();
    h->depth = -1;
    FIELDS(r)
    switch (k.size) {
    case 1: FIELD(r, 0, "t", h->t = broken(r)) break;
    case 2: FIELD(r, 1, "t0", h->t0 = broken(r)) break;
    case 4: FIELD(r, 2, "tags", h->depth = tags(r)) break;
    case 7:
        FIELD(r, 3, "address", h->address = text(r))
        FIELD(r, 4, "failure", h->failure = text(r))
        FIELD(r, 5, "network", no_text(r))
        break;
    case 9: FIELD(r, 6, "echconfig", h->echconfig = text(r)) break;
    case 11:
        FIELD(r, 7, "server_name", h->server_name = text(r))
        FIELD(r, 8, "tls_version", h->tls_version = text(r))
        break;
    case 13: FIELD(r, 9, "no_tls_verify", h->no_tls_verify = truth(r)) break;
    case 14: FIELD(r, 10, "transaction_id", h->transaction = whole(r)) break;
    case 17:
        FIELD(r, 11, "outer_server_name", h->outer_server_name = text(r))
        FIELD(r, 12, "peer_certificates", chain(r, h))
        break;
    case 19: FIELD(r, 13, "negotiated_protocol", h->negotiated_protocol = text(r)) break;
    }
    skip(j_);
    END_FIELDS(r)
}

static Header *one_header(Reading *r, Headers *h, int *room) {
    h->list = one_more(r, h->list, h->n, room, sizeof *h->list, MOST);
    return h->list + h->n++;
}

/* Headers as a list of pairs. */
static void header_list(Reading *r, Headers *h) {
    Json *j = &r->json;
    h->n = 0;
    if (is_null(j) || !opens(j, '[', ']')) return;
    int room = 0;
    do {
        Header *one = one_header(r, h, &room);
        if (!opens(j, '[', ']')) odd(r->line);
        Span name = some_text(r);
        one->name = text_number(r->line, r->texts, &name);
        if (!goes_on(j, ']')) odd(r->line);
        one->value = text_or_binary(r, &one->encoded);
        if (one->encoded && !one->value.from) odd(r->line);
        if (goes_on(j, ']')) odd(r->line);
    } while (goes_on(j, ']'));
}

/* Headers as an object of texts; whatever else can stand there is odd. */
static void header_object(Reading *r, const uint8_t *from, Headers *h) {
    Json *j = &r->json;
    h->n = 0;
    if (!from) return;
    const uint8_t *back = j->at;
    j->at = from;
    if (!is_null(j)) {
        spaces(j);
        if (*j->at == '[') {
            if (opens(j, '[', ']')) odd(r->line);
        } else if (opens(j, '{', '}')) {
            int room = 0;
            do {
                Header *one = one_header(r, h, &room);
                Span name = key(j);
                one->name = numbered(r->line, r->texts, name.from, name.size);
                one->value = some_text(r);
                one->encoded = 0;
                for (int i = 0; i < h->n - 1; i++)
                    if (h->list[i].name == one->name) odd(r->line);
            } while (goes_on(j, '}'));
        }
    }
    j->at = back;
}

/* Passes over a value, and tells where it is. */
static const uint8_t *later(Reading *r) {
    spaces(&r->json);
    const uint8_t *from = r->json.at;
    skip(&r->json);
    return from;
}

static void asked(Reading *r, Exchange *e) {
    if (is_null(&r->json)) return;
    e->asked = 1;
    FIELDS(r)
    FIELD(r, 0, "url", e->url = text(r))
    FIELD(r, 1, "method", e->method = text(r))
    skip(j_);
    END_FIELDS(r)
}

static void got(Reading *r, Exchange *e) {
    if (is_null(&r->json)) return;
    e->got = 1;
    const uint8_t *object = NULL;
    FIELDS(r)
    switch (k.size) {
    case 4:
        FIELD(r, 0, "body", if (!is_null(j_)) {
            e->has_body = 1;
            e->body = text_or_binary(r, &e->body_encoded);
        })
        FIELD(r, 1, "code", e->code = whole(r))
        break;
    case 7: FIELD(r, 2, "headers", object = later(r)) break;
    case 12: FIELD(r, 3, "headers_list", header_list(r, &e->headers)) break;
    case 17: FIELD(r, 4, "body_is_truncated", e->truncated = truth(r)) break;
    }
    skip(j_);
    END_FIELDS(r)
    if (!e->headers.n) header_object(r, object, &e->headers);
}

static void exchange(Reading *r, void *to) {
    Exchange *e = to;
    e->address = e->alpn = e->failure = e->url = e->method = NONE;
    e->truncated = NULL_BOOL;
    e->code = e->transaction = NO_INT64;
    e->t0 = e->t = no_double();
    e->depth = -1;
    FIELDS(r)
    switch (k.size) {
    case 1: FIELD(r, 0, "t", e->t = broken(r)) break;
    case 2: FIELD(r, 1, "t0", e->t0 = broken(r)) break;
    case 4: FIELD(r, 2, "alpn", e->alpn = text(r)) FIELD(r, 3, "tags", e->depth = tags(r)) break;
    case 7:
        FIELD(r, 4, "address", e->address = text(r))
        FIELD(r, 5, "failure", e->failure = text(r))
        FIELD(r, 6, "network", no_text(r))
        FIELD(r, 7, "request", asked(r, e))
        break;
    case 8: FIELD(r, 8, "response", got(r, e)) break;
    case 14: FIELD(r, 9, "transaction_id", e->transaction = whole(r)) break;
    }
    skip(j_);
    END_FIELDS(r)
}

static int operation(Reading *r) {
    if (is_null(&r->json)) return OTHER_OPERATION;
    Span k = some_text(r);
    if (k.escaped) odd(r->line);
    switch (k.size) {
    case 4: return KEY_IS(k, "read") ? READ : OTHER_OPERATION;
    case 5: return KEY_IS(k, "write") ? WRITE : OTHER_OPERATION;
    case 8: return KEY_IS(k, "write_to") ? WRITE_TO : OTHER_OPERATION;
    case 9: return KEY_IS(k, "read_from") ? READ_FROM : OTHER_OPERATION;
    case 18: return KEY_IS(k, "tls_handshake_done") ? SHAKE_DONE : OTHER_OPERATION;
    case 19: return KEY_IS(k, "tls_handshake_start") ? SHAKE_START : OTHER_OPERATION;
    case 25: return KEY_IS(k, "bytes_received_cumulative") ? CUMULATIVE : OTHER_OPERATION;
    default: return OTHER_OPERATION;
    }
}

/* Sums of so few events of so few bytes cannot overflow. */
enum { MOST_EVENTS = 1 << 16 };
#define MOST_BYTES ((int64_t)1 << 40)

static int64_t event_bytes(Reading *r) {
    Number found = some_number(r);
    if (found.kind == NO_NUMBER) return 0;
    if (found.kind == WHOLE ? found.whole > MOST_BYTES || found.whole < -MOST_BYTES
                            : !(found.broken < (double)MOST_BYTES && found.broken > -(double)MOST_BYTES))
        odd(r->line);
    return found.kind == WHOLE ? found.whole : (int64_t)found.broken;
}

static void events(Reading *r) {
    Json *j = &r->json;
    Keys *keys = &r->m.keys;
    if (is_null(j) || !opens(j, '[', ']')) return;
    int room = 0, n = 0;
    Event *list = NULL;
    do {
        list = one_more(r, list, n, &room, sizeof *list, MOST_EVENTS);
        Event *e = list + n;
        e->operation = OTHER_OPERATION;
        e->bytes = 0;
        e->transaction = NO_INT64;
        e->t = no_double();
        FIELDS(r)
        switch (k.size) {
        case 1: FIELD(r, 0, "t", e->t = broken(r)) break;
        case 7: FIELD(r, 1, "address", no_text(r)) FIELD(r, 2, "failure", no_text(r)) break;
        case 9:
            FIELD(r, 3, "num_bytes", e->bytes = event_bytes(r))
            FIELD(r, 4, "operation", e->operation = operation(r))
            break;
        case 14: FIELD(r, 5, "transaction_id", e->transaction = whole(r)) break;
        }
        skip(j_);
        END_FIELDS(r)
        n += e->operation != OTHER_OPERATION;
    } while (goes_on(j, ']'));
    keys->events = list;
    keys->n_events = n;
}

static void outcomes(Reading *r, Outcomes *o) {
    Json *j = &r->json;
    if (is_null(j) || !opens(j, '{', '}')) return;
    int room = 0;
    do {
        o->list = one_more(r, o->list, o->n, &room, sizeof *o->list, MOST);
        Outcome *one = o->list + o->n;
        Span endpoint = key(j);
        one->endpoint = numbered(r->line, r->texts, endpoint.from, endpoint.size);
        one->failure = one->server_name = NONE;
        one->status = NULL_BOOL;
        for (int i = 0; i < o->n; i++)
            if (o->list[i].endpoint == one->endpoint) odd(r->line);
        if (!(one->null = is_null(j))) {
            FIELDS(r)
            FIELD(r, 0, "failure", one->failure = text(r))
            FIELD(r, 1, "server_name", one->server_name = text(r))
            FIELD(r, 2, "status", one->status = truth(r))
            skip(j_);
            END_FIELDS(r)
        }
        o->n++;
    } while (goes_on(j, '}'));
}

static void page(Reading *r, Page *p) {
    if (is_null(&r->json)) return;
    p->given = 1;
    p->failure = p->title = NONE;
    p->status_code = NO_INT64;
    const uint8_t *object = NULL;
    FIELDS(r)
    switch (k.size) {
    case 5: FIELD(r, 0, "title", p->title = text(r)) break;
    case 7:
        FIELD(r, 1, "failure", p->failure = text(r))
        FIELD(r, 2, "headers", object = later(r))
        break;
    case 11:
        FIELD(r, 3, "body_length", p->body_length = some_number(r))
        FIELD(r, 4, "status_code", p->status_code = whole(r))
        break;
    }
    skip(j_);
    END_FIELDS(r)
    header_object(r, object, &p->headers);
}

static void one_text(Reading *r, void *to) {
    Span found = some_text(r);
    *(Id *)to = text_number(r->line, r->texts, &found);
}

static void helper_dns(Reading *r, Control *c) {
    if (is_null(&r->json)) return;
    c->has_dns = 1;
    c->dns_failure = NONE;
    FIELDS(r)
    FIELD(r, 0, "failure", c->dns_failure = text(r))
    FIELD(r, 1, "addrs", c->n_addrs = list_of(r, (void **)&c->addrs, sizeof(Id), one_text))
    skip(j_);
    END_FIELDS(r)
}

static void infos(Reading *r, Control *c) {
    Json *j = &r->json;
    if (is_null(j) || !opens(j, '{', '}')) return;
    int room = 0;
    do {
        c->infos = one_more(r, c->infos, c->n_infos, &room, sizeof *c->infos, MOST);
        Info *one = c->infos + c->n_infos;
        Span address = key(j);
        one->address = numbered(r->line, r->texts, address.from, address.size);
        for (int i = 0; i < c->n_infos; i++)
            if (c->infos[i].address == one->address) odd(r->line);
        if (!(one->null = is_null(j))) {
            FIELDS(r)
            FIELD(r, 0, "asn", one->asn = some_number(r))
            skip(j_);
            END_FIELDS(r)
        }
        c->n_infos++;
    } while (goes_on(j, '}'));
}

static void control(Reading *r, Control *c) {
    if (is_null(&r->json)) return;
    c->given = 1;
    FIELDS(r)
    switch (k.size) {
    case 3: FIELD(r, 0, "dns", helper_dns(r, c)) break;
    case 7: FIELD(r, 1, "ip_info", infos(r, c)) break;
    case 11: FIELD(r, 2, "tcp_connect", outcomes(r, &c->tcp)) break;
    case 12: FIELD(r, 3, "http_request", page(r, &c->http)) break;
    case 13:
        FIELD(r, 4, "tls_handshake", outcomes(r, &c->tls))
        FIELD(r, 5, "http3_request", page(r, &c->http3))
        break;
    case 14: FIELD(r, 6, "quic_handshake", outcomes(r, &c->quic)) break;
    }
    skip(j_);
    END_FIELDS(r)
}

static void text_or_truth(Reading *r, Id *found, int *value) {
    if (is_null(&r->json)) return;
    if (*r->json.at == '"') *found = text(r);
    else *value = truth(r);
}

/* Further answers to one query become steps, which Python makes: few lines have any. */
static void duplicates(Reading *r) {
    if (!is_null(&r->json) && opens(&r->json, '[', ']')) odd(r->line);
}

static void test_keys(Reading *r) {
    Keys *keys = &r->m.keys;
    keys->control_failure = keys->blocking = NONE;
    keys->blocking_bool = keys->accessible = NULL_BOOL;
    if (is_null(&r->json)) odd(r->line);
    r->m.has_keys = 1;
    Id failure;
    int failed;
    FIELDS(r)
    switch (k.size) {
    case 7:
        FIELD(r, 0, "queries", keys->n_queries = list_of(r, (void **)&keys->queries, sizeof(Query), query))
        FIELD(r, 1, "control", control(r, &keys->control))
        FIELD(r, 2, "failure", text_or_truth(r, &failure, &failed))
        break;
    case 8:
        FIELD(r, 3, "requests", keys->n_requests = list_of(r, (void **)&keys->requests, sizeof(Exchange), exchange))
        FIELD(r, 4, "blocking", text_or_truth(r, &keys->blocking, &keys->blocking_bool))
        break;
    case 10: FIELD(r, 5, "accessible", keys->accessible = truth(r)) break;
    case 11:
        FIELD(r, 6, "tcp_connect", keys->n_connects = list_of(r, (void **)&keys->connects, sizeof(Connect), connect))
        break;
    case 14:
        FIELD(r, 7, "tls_handshakes", keys->n_tls = list_of(r, (void **)&keys->tls, sizeof(Handshake), handshake))
        FIELD(r, 8, "network_events", events(r))
        break;
    case 15:
        FIELD(r, 9, "quic_handshakes", keys->n_quic = list_of(r, (void **)&keys->quic, sizeof(Handshake), handshake))
        FIELD(r, 10, "control_failure", keys->control_failure = text(r))
        break;
    case 25: FIELD(r, 11, "x_dns_duplicate_responses", duplicates(r)) break;
    }
    skip(j_);
    END_FIELDS(r)
}

static void annotations(Reading *r) {
    Measurement *m = &r->m;
    if (is_null(&r->json)) return;
    FIELDS(r)
    switch (k.size) {
    case 8: FIELD(r, 0, "platform", m->platform = text(r)) break;
    case 12: FIELD(r, 1, "network_type", m->network_type = text(r)) break;
    case 16:
        FIELD(r, 2, "ooni_run_link_id", {
            Number run;
            m->run = text_or_number(r, &run);
            if (run.kind == BROKEN) odd(r->line);
            if (run.kind == WHOLE && run.whole) {
                char digits[24];
                int n = PyOS_snprintf(digits, sizeof digits, "%lld", (long long)run.whole);
                m->run = numbered(r->line, r->texts, (const uint8_t *)digits, (size_t)n);
            }
        })
        break;
    }
    skip(j_);
    END_FIELDS(r)
}

/* The address of the helper: of an object with one entry, which is a text, or an object with `address`. */
static void helpers(Reading *r) {
    Json *j = &r->json;
    if (is_null(j) || !opens(j, '{', '}')) return;
    key(j);
    spaces(j);
    Id found = NONE;
    if (*j->at == '"') {
        found = text(r);
    } else if (*j->at == '{') {
        FIELDS(r)
        FIELD(r, 0, "address", {
            spaces(j_);
            if (*j_->at != '"') odd(r->line);
            found = text(r);
        })
        skip(j_);
        END_FIELDS(r)
    } else {
        odd(r->line);
    }
    r->m.helper = found;
    if (goes_on(j, '}')) odd(r->line);
}

/* A whole line. */
static void measurement(Reading *r) {
    Measurement *m = &r->m;
    memset(m, 0, sizeof *m);
    m->test_version = m->input = m->report_id = m->uid = m->time = m->test_start = m->asn_text = NONE;
    m->country = m->ip = m->probe_id = m->network_name = m->resolver_asn_text = m->resolver_ip = NONE;
    m->software_name = m->software_version = m->platform = m->network_type = m->run = m->helper = NONE;
    FIELDS(r)
    switch (k.size) {
    case 5: FIELD(r, 0, "input", m->input = text(r)) break;
    case 8:
        FIELD(r, 1, "probe_cc", m->country = text(r))
        FIELD(r, 2, "probe_ip", m->ip = text(r))
        FIELD(r, 3, "probe_id", m->probe_id = text(r))
        break;
    case 9:
        FIELD(r, 4, "test_name", {
            Span name = some_text(r);
            m->is_web = KEY_IS(name, "web_connectivity");
            if (!m->is_web) odd(r->line);
        })
        FIELD(r, 5, "test_keys", test_keys(r))
        FIELD(r, 6, "report_id", m->report_id = text(r))
        FIELD(r, 7, "probe_asn", m->asn_text = text_or_number(r, &m->asn))
        break;
    case 11:
        FIELD(r, 8, "resolver_ip", m->resolver_ip = text(r))
        FIELD(r, 9, "annotations", annotations(r))
        break;
    case 12:
        FIELD(r, 10, "test_version", m->test_version = text(r))
        FIELD(r, 11, "test_runtime", m->runtime = some_number(r))
        FIELD(r, 12, "resolver_asn", m->resolver_asn_text = text_or_number(r, &m->resolver_asn))
        FIELD(r, 13, "test_helpers", helpers(r))
        break;
    case 13: FIELD(r, 14, "software_name", m->software_name = text(r)) break;
    case 15: FIELD(r, 15, "measurement_uid", m->uid = text(r)) FIELD(r, 16, "test_start_time", m->test_start = text(r)) break;
    case 16: FIELD(r, 17, "software_version", m->software_version = text(r)) break;
    case 18: FIELD(r, 18, "probe_network_name", m->network_name = text(r)) break;
    case 22: FIELD(r, 19, "measurement_start_time", m->time = text(r)) break;
    }
    skip(j_);
    END_FIELDS(r)
    if (r->json.at != r->json.end || !m->is_web || !m->has_keys) odd(r->line);
}

#endif
