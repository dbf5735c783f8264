/* cap_sign - an enveloped XML signature (XMLDSig, exclusive canonical form, SHA-256), by xmlsec. */
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdio.h>
#include <string.h>
#include <xmlsec/crypto.h>
#include <xmlsec/errors.h>
#include <xmlsec/templates.h>
#include <xmlsec/xmldsig.h>
#include <xmlsec/xmlsec.h>
#include <xmlsec/xmltree.h>

#include "agents/console/cap/cap.h"

#include "proto/base/banned.h"

struct cap_signer {
    xmlSecKeyPtr key; /* with its certificate */
    xmlSecTransformId method;
};

static enum status fail(char *err, size_t err_size, const char *text)
{
    snprintf(err, err_size, "%s", text);
    return ST_INVALID;
}

/* xmlsec says on standard error what it does not like; we say it in our own words. */
static void be_quiet(const char *file, int line, const char *func, const char *object,
                     const char *subject, int reason, const char *msg)
{
    (void)file;
    (void)line;
    (void)func;
    (void)object;
    (void)subject;
    (void)reason;
    (void)msg;
}

static bool start_xmlsec(void)
{
    static bool started; /* of the library, which has one state for the whole process */

    if (started)
        return true;
    started = xmlSecInit() == 0 && xmlSecCryptoAppInit(NULL) == 0 && xmlSecCryptoInit() == 0;
    xmlSecErrorsSetCallback(be_quiet);
    return started;
}

static xmlSecTransformId method_of(xmlSecKeyPtr key)
{
    xmlSecKeyDataPtr value = xmlSecKeyGetValue(key);

    if (value && xmlSecKeyDataCheckId(value, xmlSecKeyDataRsaId))
        return xmlSecTransformRsaSha256Id;
    if (value && xmlSecKeyDataCheckId(value, xmlSecKeyDataEcdsaId))
        return xmlSecTransformEcdsaSha256Id;
    return xmlSecTransformIdUnknown;
}

/* --- one document ----------------------------------------------------------------------------- */

/* What is to be signed: the whole document but the signature itself. */
static xmlNodePtr add_template(const struct cap_signer *s, xmlDocPtr doc)
{
    xmlNodePtr signature = xmlSecTmplSignatureCreateNsPref(doc, xmlSecTransformExclC14NId,
                                                           s->method, NULL, BAD_CAST "ds"),
               reference, info, x509;

    if (!signature)
        return NULL;
    xmlAddChild(xmlDocGetRootElement(doc), signature);
    reference = xmlSecTmplSignatureAddReference(signature, xmlSecTransformSha256Id, NULL,
                                                BAD_CAST "", NULL);
    info = xmlSecTmplSignatureEnsureKeyInfo(signature, NULL);
    x509 = info ? xmlSecTmplKeyInfoAddX509Data(info) : NULL;
    if (!reference || !x509 ||
        !xmlSecTmplReferenceAddTransform(reference, xmlSecTransformEnvelopedId) ||
        !xmlSecTmplReferenceAddTransform(reference, xmlSecTransformExclC14NId) ||
        !xmlSecTmplX509DataAddCertificate(x509))
        return NULL;
    return signature;
}

static bool sign_doc(const struct cap_signer *s, xmlDocPtr doc)
{
    xmlNodePtr signature = add_template(s, doc);
    xmlSecDSigCtxPtr work = signature ? xmlSecDSigCtxCreate(NULL) : NULL;
    bool ok = false;

    if (!work)
        return false;
    work->signKey = xmlSecKeyDuplicate(s->key);
    ok = work->signKey && xmlSecDSigCtxSign(work, signature) == 0;
    xmlSecDSigCtxDestroy(work);
    return ok;
}

enum status cap_sign(const struct cap_signer *s, struct buf *xml)
{
    xmlDocPtr doc = xmlReadMemory((const char *)xml->data, (int)xml->len, "cap.xml", NULL,
                                  XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    xmlChar *text = NULL;
    int len = 0;

    if (doc && sign_doc(s, doc))
        xmlDocDumpMemoryEnc(doc, &text, &len, "UTF-8");
    xmlFreeDoc(doc);
    if (!text)
        return ST_INVALID;
    buf_clear(xml);
    buf_put(xml, text, (size_t)len);
    xmlFree(text);
    return xml->failed ? ST_NOMEM : ST_OK;
}

/* --- key and certificate ---------------------------------------------------------------------- */

/* Whether the certificate is the key's: what the one signs, the other verifies. */
static bool belong_together(const struct cap_signer *s, const struct buf *cert)
{
    static const char probe[] = "<alert xmlns=\"" CAP_NS_12 "\"/>";
    xmlDocPtr doc =
        xmlReadMemory(probe, (int)sizeof(probe) - 1, "probe.xml", NULL, XML_PARSE_NONET);
    xmlSecDSigCtxPtr work = doc && sign_doc(s, doc) ? xmlSecDSigCtxCreate(NULL) : NULL;
    bool ok = false;

    if (work) {
        work->signKey = xmlSecCryptoAppKeyLoadMemory(cert->data, (xmlSecSize)cert->len,
                                                     xmlSecKeyDataFormatCertPem, NULL, NULL, NULL);
        ok = work->signKey &&
             xmlSecDSigCtxVerify(work, xmlSecFindNode(xmlDocGetRootElement(doc),
                                                      xmlSecNodeSignature, xmlSecDSigNs)) == 0 &&
             work->status == xmlSecDSigStatusSucceeded;
        xmlSecDSigCtxDestroy(work);
    }
    xmlFreeDoc(doc);
    return ok;
}

enum status cap_signer_create(struct cap_signer **out, const struct buf *key,
                              const struct buf *cert, char *err, size_t err_size)
{
    struct cap_signer *s = mem_zalloc(sizeof(*s));
    enum status st = ST_OK;

    if (!s)
        return ST_NOMEM;
    if (!start_xmlsec())
        st = fail(err, err_size, "xmlsec does not start");
    if (st == ST_OK)
        s->key = xmlSecCryptoAppKeyLoadMemory(key->data, (xmlSecSize)key->len,
                                              xmlSecKeyDataFormatPem, NULL, NULL, NULL);
    if (st == ST_OK && !s->key)
        st = fail(err, err_size, "cap.key is no private key in PEM");
    if (st == ST_OK && (s->method = method_of(s->key)) == xmlSecTransformIdUnknown)
        st = fail(err, err_size, "cap.key is neither RSA nor an elliptic key");
    if (st == ST_OK && xmlSecCryptoAppKeyCertLoadMemory(s->key, cert->data, (xmlSecSize)cert->len,
                                                        xmlSecKeyDataFormatCertPem) != 0)
        st = fail(err, err_size, "cap.cert is no certificate in PEM");
    if (st == ST_OK && !belong_together(s, cert))
        st = fail(err, err_size, "cap.cert is not the certificate of cap.key");
    if (st != ST_OK) {
        cap_signer_destroy(s);
        return st;
    }
    *out = s;
    return ST_OK;
}

void cap_signer_destroy(struct cap_signer *s)
{
    if (s && s->key)
        xmlSecKeyDestroy(s->key);
    mem_free(s);
}
