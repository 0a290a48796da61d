//! Which routes there are. Those of the API, and no others, are in its document.

use actix_web::http::header::ALLOW;
use actix_web::http::{Method, StatusCode};
use actix_web::{FromRequest, Handler, HttpResponse, Responder, ResponseError as _, Route, guard, web};

use crate::problem::Problem;
use crate::{
    assets, changes, containers, document, edit, feed, health, hosts, login, metrics, reconcile, workloads,
};

/// The routes, by path.
#[derive(Default)]
pub(crate) struct Routes(Vec<(&'static str, Vec<(Method, Route)>)>);

impl Routes {
    /// What the page alone needs, which is no part of the API.
    pub(crate) fn of_the_page() -> Self {
        let mut routes = Self::default();
        assets::routes(&mut routes);
        login::routes(&mut routes);
        routes
    }

    /// All of the API.
    pub(crate) fn all() -> Self {
        let mut routes = Self::default();
        health::routes(&mut routes);
        metrics::routes(&mut routes);
        reconcile::routes(&mut routes);
        containers::routes(&mut routes);
        workloads::routes(&mut routes);
        edit::routes(&mut routes);
        hosts::routes(&mut routes);
        changes::routes(&mut routes);
        feed::routes(&mut routes);
        document::routes(&mut routes);
        routes
    }

    /// Also answers `HEAD`, as whatever answers `GET` must.
    pub(crate) fn get<F, Args>(&mut self, path: &'static str, handler: F)
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let reads = guard::Any(guard::Get()).or(guard::Head());
        self.add(Method::GET, path, web::route().guard(reads).to(handler));
    }

    pub(crate) fn post<F, Args>(&mut self, path: &'static str, handler: F)
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.add(Method::POST, path, web::post().to(handler));
    }

    pub(crate) fn put<F, Args>(&mut self, path: &'static str, handler: F)
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.add(Method::PUT, path, web::put().to(handler));
    }

    pub(crate) fn delete<F, Args>(&mut self, path: &'static str, handler: F)
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.add(Method::DELETE, path, web::delete().to(handler));
    }

    fn add(&mut self, method: Method, path: &'static str, route: Route) {
        match self.0.iter_mut().find(|(known, _)| *known == path) {
            Some((_, routes)) => routes.push((method, route)),
            None => self.0.push((path, vec![(method, route)])),
        }
    }

    /// Has them served.
    pub(crate) fn register(self, config: &mut web::ServiceConfig) {
        for (path, routes) in self.0 {
            let mut allowed: Vec<_> = routes.iter().map(|(method, _)| method.to_string()).collect();
            if allowed.iter().any(|method| method == "GET") {
                allowed.push("HEAD".into());
            }
            let allowed = allowed.join(", ");
            let mut resource = web::resource(path);
            for (_, route) in routes {
                resource = resource.route(route);
            }
            let other = move || std::future::ready(not_allowed(&allowed));
            config.service(resource.default_service(web::to(other)));
        }
    }

    #[cfg(test)]
    pub(crate) fn list(&self) -> impl Iterator<Item = (&Method, &'static str)> {
        self.0.iter().flat_map(|(path, routes)| routes.iter().map(|(method, _)| (method, *path)))
    }
}

fn not_allowed(allowed: &str) -> HttpResponse {
    let detail = format!("this takes {allowed} alone");
    let mut response = Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail).error_response();
    if let Ok(allowed) = allowed.parse() {
        response.headers_mut().insert(ALLOW, allowed);
    }
    response
}
