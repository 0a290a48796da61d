//! The page: its files, which hold no data and are the same for everybody.

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETag, EntityTag, Header, IfNoneMatch,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use sha2::{Digest, Sha256};

use crate::routes::Routes;

/// Nothing comes from elsewhere, and nothing but the page's own files is run.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
                      base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// A file that is served under a path.
#[derive(Clone)]
struct Asset {
    path: &'static str,
    kind: &'static str,
    text: &'static str,
}

macro_rules! assets {
    ($($name:literal as $kind:literal,)*) => {
        [$(Asset {
            path: concat!("/assets/", $name),
            kind: $kind,
            text: include_str!(concat!("../page/", $name)),
        },)*]
    };
}

const PAGE: Asset =
    Asset { path: "/", kind: "text/html; charset=utf-8", text: include_str!("../page/index.html") };

const ASSETS: [Asset; 20] = assets![
    "api.js" as "text/javascript; charset=utf-8",
    "controls.js" as "text/javascript; charset=utf-8",
    "detail.js" as "text/javascript; charset=utf-8",
    "dom.js" as "text/javascript; charset=utf-8",
    "feed.js" as "text/javascript; charset=utf-8",
    "filter.js" as "text/javascript; charset=utf-8",
    "history.js" as "text/javascript; charset=utf-8",
    "hosts.js" as "text/javascript; charset=utf-8",
    "icon.svg" as "image/svg+xml",
    "index.js" as "text/javascript; charset=utf-8",
    "list.js" as "text/javascript; charset=utf-8",
    "main.js" as "text/javascript; charset=utf-8",
    "notices.js" as "text/javascript; charset=utf-8",
    "page.css" as "text/css; charset=utf-8",
    "session.js" as "text/javascript; charset=utf-8",
    "stream.js" as "text/javascript; charset=utf-8",
    "strip.js" as "text/javascript; charset=utf-8",
    "sync.js" as "text/javascript; charset=utf-8",
    "time.js" as "text/javascript; charset=utf-8",
    "words.js" as "text/javascript; charset=utf-8",
];

pub(crate) fn routes(routes: &mut Routes) {
    for asset in std::iter::once(PAGE).chain(ASSETS) {
        let path = asset.path;
        let tag = EntityTag::new_strong(tag(asset.text));
        let answer = move |request: HttpRequest| {
            let response = answer(&request, &asset, &tag);
            async move { response }
        };
        routes.get(path, answer);
    }
}

/// The same as long as the text is the same, from release to release.
fn tag(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(12).map(|byte| format!("{byte:02x}")).collect()
}

fn answer(request: &HttpRequest, asset: &Asset, tag: &EntityTag) -> HttpResponse {
    let known = match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|given| given.weak_eq(tag)),
        Err(_) => false,
    };
    if known {
        return with_headers(HttpResponse::NotModified(), tag).finish();
    }
    with_headers(HttpResponse::Ok(), tag).insert_header((CONTENT_TYPE, asset.kind)).body(asset.text)
}

fn with_headers(mut response: HttpResponseBuilder, tag: &EntityTag) -> HttpResponseBuilder {
    response
        .insert_header(ETag(tag.clone()))
        // It is asked for again each time, and answered with nothing if it is known: a new release shows at once.
        .insert_header((CACHE_CONTROL, "no-cache"))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((REFERRER_POLICY, "no-referrer"));
    response
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{ETAG, HeaderName, IF_NONE_MATCH};
    use actix_web::http::{Method, StatusCode};
    use actix_web::test::{TestRequest, call_service, init_service, read_body};
    use actix_web::{App, body::MessageBody, web};

    use super::*;

    #[test]
    fn all_of_it_is_small() {
        let size: usize = std::iter::once(PAGE).chain(ASSETS).map(|asset| asset.text.len()).sum();
        assert!(size < 150 * 1024, "{size} bytes");
    }

    #[test]
    fn every_file_that_a_file_names_is_served() {
        let served: Vec<_> = ASSETS.iter().map(|asset| asset.path).collect();
        for asset in std::iter::once(PAGE).chain(ASSETS) {
            let named = asset.text.split(['"', '\'']).filter_map(|word| {
                let name = word.strip_prefix("./").map(|name| format!("/assets/{name}"));
                name.or_else(|| word.starts_with("/assets/").then(|| word.to_owned()))
            });
            for name in named {
                assert!(served.contains(&name.as_str()), "{} names {name}", asset.path);
            }
        }
    }

    #[actix_web::test]
    async fn what_is_known_is_not_sent_again() {
        let served = |config: &mut web::ServiceConfig| {
            let mut all = Routes::default();
            routes(&mut all);
            all.register(config);
        };
        let app = init_service(App::new().configure(served)).await;
        for asset in std::iter::once(PAGE).chain(ASSETS) {
            let first = call_service(&app, TestRequest::get().uri(asset.path).to_request()).await;
            assert_eq!(first.status(), StatusCode::OK, "{}", asset.path);
            let headers = first.headers().clone();
            let header = |name: HeaderName| headers.get(name).unwrap().to_str().unwrap();
            assert_eq!(header(CONTENT_TYPE), asset.kind);
            assert_eq!(header(CACHE_CONTROL), "no-cache");
            assert_eq!(header(X_CONTENT_TYPE_OPTIONS), "nosniff");
            assert_eq!(header(REFERRER_POLICY), "no-referrer");
            assert!(header(CONTENT_SECURITY_POLICY).starts_with("default-src 'none'; script-src 'self';"));
            assert_eq!(read_body(first).await, asset.text);
            let again = TestRequest::get().uri(asset.path).insert_header((IF_NONE_MATCH, header(ETAG)));
            let second = call_service(&app, again.to_request()).await;
            assert_eq!(second.status(), StatusCode::NOT_MODIFIED, "{}", asset.path);
            assert!(second.into_body().try_into_bytes().unwrap().is_empty());
            let head = TestRequest::with_uri(asset.path).method(Method::HEAD);
            assert_eq!(call_service(&app, head.to_request()).await.status(), StatusCode::OK);
        }
    }
}
